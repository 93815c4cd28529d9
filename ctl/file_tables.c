#include "ctl/file_tables.h"

const struct column file_refusal_columns[] = {
    {"rule", "Rule", COLUMN_TEXT, 10, 1, NULL},         {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"byte_offset", "Byte", COLUMN_NUMBER, 0, 0, NULL}, {"field", "Field", COLUMN_TEXT, 8, 2, NULL},
    {"value", "Value", COLUMN_TEXT, 10, 3, NULL},       {"message", "Why", COLUMN_SENTENCE, 30, 0, NULL},
};

const struct column file_outcome_columns[] = {
    {"outcome", "Outcome", COLUMN_WORD, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
};

const struct column file_control_columns[] = {
    {"name", "Total", COLUMN_TEXT, 10, 0, NULL},     {"place", "In", COLUMN_TEXT, 6, 1, NULL},
    {"stated", "Stated", COLUMN_NUMBER, 0, 0, NULL}, {"counted", "Counted", COLUMN_NUMBER, 0, 0, NULL},
    {"agrees", "Agrees", COLUMN_BOOL, 0, 0, NULL},   {"difference", "Difference", COLUMN_ZERO, 0, 0, NULL},
};
