"""Where a VPN's programs come from, and how they get to the hosts."""
