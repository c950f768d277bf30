"""CASME II's trees: `CASME2_RAW_selected/sub01/EP02_01f/img46.jpg`, or `Cropped/.../reg_img46.jpg`, and its workbook.

Not to be taken for CAS(ME)^2, which `casme2` reads. Three classes as MEGC 2019 has them (See et al., FG 2019). Nobody
here has seen the database; see `coded`.
"""

import re

from microexp_keras.datasets.coded import Coding
from microexp_keras.datasets.database import CASMEII
from microexp_keras.datasets.tree import Distributed

DISTRIBUTED = Distributed(annotated=255, clips=(88, 32, 25), people=24)
"""See et al. 2019, Table 1: 145 clips of negative, positive and surprise. The rows are 99 others, 63 disgust, 32
happiness, 27 repression, 25 surprise, 7 sadness and 2 fear."""

_OUT = "not among the 145 of MEGC 2019"

CODING = Coding(
    database=CASMEII,
    subject=re.compile(r"sub(\d{1,2})", re.IGNORECASE),
    clip=re.compile(r"EP\d+_\d+\w*", re.IGNORECASE),
    subject_name="sub{:02d}",
    clip_id="{subject}_{clip}",
    workbook=r"casme2.?coding",
    example="CASME2-coding-20140508.xlsx",
    emotions={"happiness": 1, "disgust": 0, "repression": 0, "surprise": 2},
    # As public programs for MEGC 2019 have it; the last is said to stand in later workbooks only.
    left_out=dict.fromkeys([("sub04", "ep12_01f"), ("sub05", "ep12_03f"), ("sub24", "ep02_07")], _OUT),
)

scan, read = CODING.scan, CODING.read
