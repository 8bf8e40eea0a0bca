"""What a feature needs: each requirement, and the gates that they make."""
