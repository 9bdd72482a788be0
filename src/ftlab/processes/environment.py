"""What Lightning asks about the processes: here they are there already, all on this host."""

from __future__ import annotations

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.utilities.rank_zero import rank_zero_only


class OneHost(ClusterEnvironment):
    """Process ``rank`` of ``processes``, whose group ``collective.join`` has made: Lightning starts and joins none."""

    def __init__(self, rank: int, processes: int) -> None:
        super().__init__()
        self._rank, self._processes = rank, processes
        rank_zero_only.rank = rank  # type: ignore[attr-defined]

    @property
    def creates_processes_externally(self) -> bool:
        """Always: ``ranks`` starts them."""
        return True

    @property
    def main_address(self) -> str:
        """This host."""
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        """Not used: the group is made."""
        return 0

    @staticmethod
    def detect() -> bool:
        """Return False: it is given, never found."""
        return False

    def world_size(self) -> int:
        """Return the number of processes."""
        return self._processes

    def set_world_size(self, size: int) -> None:
        """Take what Lightning counts, which is the same."""
        assert size == self._processes, f"Lightning counts {size} processes, and {self._processes} were started"

    def global_rank(self) -> int:
        """Return the number of this process."""
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        """Take what Lightning counts, which is the same."""
        assert rank == self._rank, f"Lightning counts process {rank}, and this is {self._rank}"
        rank_zero_only.rank = rank  # type: ignore[attr-defined]

    def local_rank(self) -> int:
        """Return the number of this process on this host."""
        return self._rank

    def node_rank(self) -> int:
        """Return 0: there is one host."""
        return 0
