"""What Khallas is compared with, each as bare as it can be written."""
