"""A million leases by two servers over one MongoDB, behind the load balancer of the manual: each sample is handed out once."""
import pytest
from balanced import lease_each_once


@pytest.mark.timeout(1800)
def test_each_of_a_million_samples_is_leased_once(tmp_path):
    lease_each_once(tmp_path, samples=1_000_000, people=16)
