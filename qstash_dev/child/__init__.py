"""The developer's app as a process of ours: started, heard, ended with all its children.

Knows processes and the lines that they print; nothing of messages but their ids.
"""
