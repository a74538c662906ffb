"""What the Batch page says."""

from __future__ import annotations

PSI = (
    "Scores of this file against those at training, of customers the model had not seen: PSI "
    "{psi:.3f}, {verdict} (n {now:,} against {then:,}; chance alone passes {critical:.3f} once in "
    "twenty)."
)
PSI_VERDICT = {
    "stable": "no shift beyond chance and the customary 0.10",
    "moderate": "a moderate shift (0.10 to 0.25)",
    "large": "a large shift (0.25 or more)",
}
COUNTS = (
    "Of {given:,} {of} in the data: {scored:,} scored, {thin_file_referred:,} scored but referred "
    "as thin files (some of them without any transaction), {set_aside:,} set aside ({why})."
)
SET_ASIDE = {
    "applications": "broken rows of the file",
    "customers": "no transaction before the date, or a broken row",
}
AT_TRAINING = "Unseen customers at training, scaled"
THIS_FILE = "This file"
