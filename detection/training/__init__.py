"""Train the small detector from COCO weights on labelled pictures, real and drawn (extra `yolo`)."""
