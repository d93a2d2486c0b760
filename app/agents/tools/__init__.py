"""The tools an agent may be given: look at, change and run things in the workspace's folders."""
