"""SAMM's tree: `006/006_1_2/006_05562.jpg` and its workbook, whose table begins below some lines of text.

Three classes as MEGC 2019 has them (See et al., FG 2019). Nobody here has seen the database; see `coded`.
"""

import re

from microexp_keras.datasets.coded import Coding
from microexp_keras.datasets.database import SAMM
from microexp_keras.datasets.tree import Distributed

DISTRIBUTED = Distributed(annotated=159, clips=(92, 26, 15), people=28)
"""See et al. 2019, Table 1: 133 clips; the other 26 rows are of the emotion Other."""

CODING = Coding(
    database=SAMM,
    subject=re.compile(r"(\d{3})"),
    clip=re.compile(r"\d{3}_\d+_\d+"),
    subject_name="{:03d}",
    clip_id="{clip}",
    workbook=r"samm_micro_facs_codes",
    example="SAMM_Micro_FACS_Codes_v2.xlsx",
    emotions={
        "happiness": 1,
        **dict.fromkeys(["anger", "contempt", "disgust", "fear", "sadness"], 0),
        "surprise": 2,
    },
    left_out={},
)

scan, read = CODING.scan, CODING.read
