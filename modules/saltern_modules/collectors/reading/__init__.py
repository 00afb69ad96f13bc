"""What collectors read by: files of the kernel's, answers of devices, and what users name, each with its grammar."""
