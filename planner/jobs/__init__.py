"""The queue of the application: store, supervisor, worker, drafts."""
