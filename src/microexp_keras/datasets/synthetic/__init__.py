"""Synthetic clips in the trees and numbers of the databases, so that everything runs without one."""
