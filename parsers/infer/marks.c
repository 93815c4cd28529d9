/* Which marks the numbers of a sample have.  One column alone often cannot tell: 1.137 is 1137 miles or a
 * little more than one; what the file's other columns have tells the point from the thousands. */
#include <ctype.h>

#include "parsers/infer/infer_internal.h"

/* The ways in which a number can be written, as in the profile language. */
static const struct {
	char point, thousands;
} ways[] = {{0, 0},    {'.', 0},   {',', 0},   {0, '.'},   {0, ','},   {0, ' '},
            {0, '\''}, {',', '.'}, {'.', ','}, {',', ' '}, {'.', '\''}};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* One cell read in one way. */
struct written {
	bool negative, zeros, point, mark;
	uint8_t decimals;
};

static bool
read_in(struct slice s, size_t way, struct written *ret)
{
	uint32_t i = s.len > 1 && s.data[0] == '-', digits = 0, group = 0;

	*ret = (struct written){.negative = i > 0};
	ret->zeros = s.len > i + 1 && s.data[i] == '0' && isdigit((unsigned char) s.data[i + 1]);
	for (; i < s.len; i++) {
		char c = s.data[i];

		if (isdigit((unsigned char) c)) {
			digits++;
			group++;
			ret->decimals = (uint8_t) (ret->decimals + (ret->point && ret->decimals < 9));
		} else if (c == ways[way].point && c != 0 && !ret->point && digits > 0 && (!ret->mark || group == 3))
			ret->point = true;
		else if (c == ways[way].thousands && c != 0 && !ret->point && digits > 0 && !ret->zeros &&
		         (ret->mark ? group == 3 : group <= 3)) {
			ret->mark = true;
			group = 0;
		} else
			return false;
	}
	return digits > 0 && digits <= 18 && (!ret->point || ret->decimals > 0) &&
	       (ret->point || !ret->mark || group == 3);
}

void
marks_look(struct column *c, struct slice cell)
{
	for (size_t w = 0; w < WAYS; w++) {
		struct written n;

		if (c->filled == 0)
			c->ways |= (uint16_t) (1u << w);
		if ((c->ways & 1u << w) == 0)
			continue;
		if (!read_in(cell, w, &n))
			c->ways &= (uint16_t) ~(1u << w);
		else if ((n.point || ways[w].point == 0) && (n.mark || ways[w].thousands == 0))
			c->ways_seen |= (uint16_t) (1u << w);
	}
}

/* All of its cells are written so, and some of them with the marks.  Not both of them need stand in one. */
static uint32_t
fitting(const struct column *c)
{
	uint32_t fit = 0;

	if (c->filled == 0)
		return 0;
	if ((c->ways & 1) != 0)
		return 1;
	for (size_t w = 1; w < WAYS; w++)
		if ((c->ways & c->ways_seen & 1u << w) != 0)
			fit |= 1u << w;
	/* 1.234 and 12,50: no cell has both */
	if (fit == 0)
		for (size_t w = 1; w < WAYS; w++)
			if ((c->ways & 1u << w) != 0 && ways[w].point != 0 && ways[w].thousands != 0)
				return 1u << w;
	return fit;
}

static bool
single(uint32_t fit)
{
	return fit != 0 && (fit & (fit - 1)) == 0;
}

/* The decimal mark of the file, where a column can be read in one way only; 0 when none tells, or two tell
 * otherwise. */
static char
point_of_all(const struct sample_type *t)
{
	char point = 0;

	for (uint32_t k = 0; k < t->columns; k++) {
		uint32_t fit = fitting(&t->column[k]);
		size_t w = fit == 0 ? 0 : (size_t) __builtin_ctz(fit);
		char told = 0;

		if (!single(fit) || w == 0 || t->column[k].date != NULL)
			continue;
		if (ways[w].point != 0)
			told = ways[w].point;
		else if (ways[w].thousands == '.' || ways[w].thousands == ',')
			told = ways[w].thousands == '.' ? ',' : '.';
		if (told != 0 && point != 0 && told != point)
			return 0;
		point = told != 0 ? told : point;
	}
	return point;
}

bool
marks_settle(const struct sample_type *t, struct column *c, bool is_points)
{
	uint32_t fit = fitting(c);
	char point = point_of_all(t);
	size_t way;

	if (fit == 0)
		return false;
	way = (size_t) __builtin_ctz(fit);
	if (!single(fit)) /* a point, or thousands: {'.', 0} and {0, '.'}, or the same with ',' */
		for (size_t w = 1; w < WAYS; w++)
			if ((fit & 1u << w) != 0 &&
			    (point != 0 ? ways[w].point == point || (ways[w].point == 0 && ways[w].thousands != point)
			                : (ways[w].point == 0) == is_points)) {
				way = w;
				break;
			}
	c->either = !single(fit) && point == 0;
	c->point = ways[way].point;
	c->thousands = ways[way].thousands;
	c->way = (uint8_t) way;
	return true;
}

void
marks_add(struct column *c, struct slice cell, bool first)
{
	struct written n;

	if (!read_in(cell, c->way, &n))
		return;
	c->negative |= n.negative;
	c->zeros |= n.zeros;
	if (first || n.decimals < c->decimals_least)
		c->decimals_least = n.decimals;
	if (n.decimals > c->decimals_most)
		c->decimals_most = n.decimals;
}
