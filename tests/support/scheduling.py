"""Which worker runs which files of tests: xdist's own way, but for what a worker that crashed leaves."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController


class Scheduling(LoadFileScheduling):
    """``--dist loadfile``.

    xdist gives the files of a crashed worker to others with what is done in them, and waits for ever for a worker that
    got one in which nothing is left to do, if no other is there any more. And the test that crashed is run again, and
    again, until too many workers have. Here it has failed.
    """

    def remove_node(self, node: WorkerController) -> str | None:
        left = {
            scope: names
            for scope, unit in self.assigned_work.pop(node).items()
            if (names := [name for name, done in unit.items() if not done])
        }
        crashed = next((names.pop(0) for names in left.values()), None)
        for scope, names in reversed(left.items()):
            if names:
                self.workqueue[scope] = dict.fromkeys(names, False)
                self.workqueue.move_to_end(scope, last=False)
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed

    def _reschedule(self, node: WorkerController) -> None:
        """Give a worker more than two tests, as it begins one when it knows of another; or tell it none is left."""
        if node.shutting_down or node not in self.registered_collections:  # one that is new asks once it has collected
            return
        while self.workqueue and self._pending_of(self.assigned_work[node]) <= 2:
            self._assign_work_unit(node)
        if not self.workqueue:
            node.shutdown()
