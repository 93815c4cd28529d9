/*
 * Every limit, in one place.  A partner's profile may lower or raise those
 * that are marked (profile: limits: NAME); the others are the shape of our own
 * buffers.  Each is tested at N and at N + 1.
 */
#ifndef HANDBACK_BASE_LIMITS_H
#define HANDBACK_BASE_LIMITS_H

/* a partner's file (profile may override) */
#define LIMIT_FILE_BYTES (5LL << 30)  /* limits: file_bytes */
#define LIMIT_RECORD_BYTES (64 << 10) /* limits: record_bytes */
#define LIMIT_FIELD_BYTES (4 << 10)   /* limits: field_bytes */
#define LIMIT_COLUMNS 256             /* limits: columns */
#define LIMIT_RECORDS 50000000        /* limits: records */
#define LIMIT_ENTRY_BYTES (1 << 20)   /* texts of one entry and its addenda, while they are put together */
#define LIMIT_XML_DEPTH 32            /* limits: depth (XML and JSON) */
#define LIMIT_XML_ATTRIBUTES 64       /* limits: attributes */
#define LIMIT_XML_ATTRIBUTE_BYTES (8 << 10) /* limits: attribute_bytes */
#define LIMIT_XML_NAMES 10000               /* different names in one document: libxml2 keeps them all */
#define LIMIT_EXPANSION 200                 /* limits: expansion, times the packed size */

/* names and texts of ours */
#define LIMIT_NAME_BYTES 255          /* a file's name */
#define LIMIT_SHOWN_BYTES 80          /* a partner's value in a message, before escaping */
#define LIMIT_MESSAGE_BYTES 1024      /* one message to a person */
#define LIMIT_PROFILE_BYTES (1 << 20) /* a profile or configuration file */
#define LIMIT_YAML_DEPTH 16           /* maps and lists inside one another in our own files */
#define LIMIT_YAML_NODES 20000        /* keys and values in one of them */
#define LIMIT_PARTS 9999              /* files that one set may come in */
#define LIMIT_REFUSALS 10             /* refusals reported of one file */
#define LIMIT_PROBLEMS 50             /* mistakes reported of one profile */
#define LIMIT_FRAME_BYTES (1 << 20)   /* one frame from the parser: over ten times LIMIT_RECORD_BYTES */

/* the file of rejects for a partner: more are one line that says so */
#define LIMIT_REJECTS 500000
#define LIMIT_REJECTS_BYTES (64 << 20)

/* the parser's sandbox */
#define LIMIT_PARSER_MEMORY (512LL << 20) /* address space beyond start-up; resident stays under 64 MiB */
#define LIMIT_PARSER_RESIDENT                                                                                \
	(64LL << 20)                   /* what no file makes a parser take: over that, it was the file's doing */
#define LIMIT_PARSER_CPU_BASE_S 10 /* seconds, and as many more ... */
#define LIMIT_PARSER_CPU_MIB_PER_S 2 /* ... as the file has MiB, over this */

/* how long a parser may take in all: seconds, and one more for so many KiB of the file */
#define LIMIT_PARSER_WALL_BASE_S 30
#define LIMIT_PARSER_WALL_KIB_PER_S 256

/* how often a file is tried that uses up what reading it may take, or that the database refuses */
#define LIMIT_FILE_TRIES 3

/* sources */
#define LIMIT_LISTING 100000 /* names looked at in one rescan of a directory */
#define LIMIT_CONNECT_S 15
#define LIMIT_STALL_S 30

#endif
