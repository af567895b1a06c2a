"""The stack and the line on a second emulator of AWS, run by `make clouds`."""
