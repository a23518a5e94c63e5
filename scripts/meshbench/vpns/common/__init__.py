"""What is done with every VPN alike."""
