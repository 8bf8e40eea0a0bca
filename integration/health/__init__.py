"""`release-stages rules`: how each rule fares, and which may be raised a level. Changes nobody's file."""
