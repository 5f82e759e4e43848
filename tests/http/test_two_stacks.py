"""Two servers over one MongoDB, behind the load balancer of the manual: each sample is handed out once, whichever of them is asked."""
from balanced import lease_each_once


def test_each_sample_is_leased_once(tmp_path):
    lease_each_once(tmp_path, samples=10_000, people=8)
