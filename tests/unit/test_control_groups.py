from __future__ import annotations

from ftlab.control_groups import control_groups, read_line


def test_each_version_has_its_tree_and_the_innermost_group_comes_first(tmp_path):
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("4:cpu,cpuacct:/job\n5:memory:/job/step\n0::/user\n")
    top = tmp_path / "sys" / "fs" / "cgroup"
    assert list(control_groups(tmp_path, "cpu")) == [
        top / "cpu,cpuacct" / "job",
        top / "cpu,cpuacct",
        top / "user",
        top,
    ]
    memory = list(control_groups(tmp_path, "memory"))
    assert memory == [top / "memory" / "job" / "step", top / "memory" / "job", top / "memory", top / "user", top]


def test_a_machine_without_groups_has_none(tmp_path):
    assert list(control_groups(tmp_path, "cpu")) == [] and read_line(tmp_path / "nothing") is None
