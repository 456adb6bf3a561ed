"""The laptop's AWS: an emulator with Batch jobs as processes, spot notices and a mailbox."""
