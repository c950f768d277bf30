"""From a video, a folder or a camera to windows of gray frames and their predictions."""
