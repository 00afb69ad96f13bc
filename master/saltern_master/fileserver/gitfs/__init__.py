"""Files from git repositories: ``gitfs_remotes``, each one ref of one repository, fetched alone.

The work is done by the git program and not by a library such as dulwich. It fetches a single ref at depth 1 over
every transport that operators use, with their credential helpers, ssh configuration, proxies and certificates as
they already have them; its parsers of what a remote sends are the most exercised there are; and a fetch that hangs
or grows is a process that can be killed, outside the master's memory. The price, one program that must be
installed on the master, is small: whoever has a repository has git.

``spec.py`` reads the option, ``program.py`` runs git, ``repository.py`` is one bare repository, ``blobs.py`` the
contents taken out of it, ``remote.py`` one remote, ``backend.py`` all of them.
"""
