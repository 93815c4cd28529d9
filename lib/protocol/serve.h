/* A program whose descriptor 3 is one connection, with a process for each: systemd starts it so, and by hand
 * it listens itself and starts itself for each that comes. */
#ifndef HANDBACK_PROTOCOL_SERVE_H
#define HANDBACK_PROTOCOL_SERVE_H

#define SERVE_CONNECTION 3

/* The main of such a program, "NAME --config FILE [--listen PATH]", which has hardened itself: gives the code
 * that it ends with.  one: serves SERVE_CONNECTION; the path of the configuration is absolute. */
int serve_main(const char *name, int argc, char **argv, int (*one)(const char *config));

#endif
