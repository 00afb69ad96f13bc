"""The journal that a master's options ask for."""

from __future__ import annotations

import os

from saltern.config import MasterOptions
from saltern_master.journal.journal import Journal


def configured_journal(options: MasterOptions) -> Journal:
    """Return the journal that *options* ask for, open if it can be."""
    folder = os.path.join(options["cachedir"], "journal")
    max_age_s = options["journal_max_hours"] * 3600
    journal = Journal(folder, options["journal_max_bytes"], max_age_s, notes_folder=f"{folder}-notes")
    journal.try_to_open()
    return journal
