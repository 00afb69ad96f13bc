"""From a request to an answer: times, evaluation, consolidation, formats."""
