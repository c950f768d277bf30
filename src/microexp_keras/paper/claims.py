"""From the published figures to all claims about them, in the order of the paper's tables."""

from microexp_keras.paper import claims_accuracies as accuracies
from microexp_keras.paper import claims_programs as programs
from microexp_keras.paper import claims_tables
from microexp_keras.paper.cells import table_5
from microexp_keras.paper.claim import Claim
from microexp_keras.paper.published import PAPER, Published

FAMILIES = (
    accuracies.accuracies,
    accuracies.constant_accuracies,
    accuracies.majorities,
    accuracies.rivals,
    claims_tables.table_4,
    claims_tables.splits,
    claims_tables.confusions,
    claims_tables.other_protocol,
    claims_tables.last_epochs,
    claims_tables.constant_epochs,
    claims_tables.gains,
    accuracies.kernel_sizes,
    accuracies.constant_kernel_sizes,
    programs.selections,
    programs.untrained_classes,
    programs.settings,
    programs.networks,
    programs.weights_names,
    programs.weights_runs,
    programs.user_report,
    programs.smic_clips,
    programs.casme2_clips,
)
"""Functions `(published, cells) -> claims`; the claims of one group stand together when they are laid out."""


def audit(published: Published = PAPER) -> list[Claim]:
    """Judge all published figures.

    Parameters
    ----------
    published : Published
        `dataclasses.replace` of it shows what other figures would have meant.

    Returns
    -------
    list of Claim
    """
    cells = table_5(published)
    return [claim for family in FAMILIES for claim in family(published, cells)]
