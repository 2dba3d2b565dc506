/* What FreeBSD has here is in tests/shims/bsd.h. */
