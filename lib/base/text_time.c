/* Times as RFC 3339 text. */
#include "base/text.h"

#include "base/clock.h"

enum { DAY_SECONDS = 24 * 3600 };

const char *text_time(int64_t microseconds, char out[TEXT_TIME_MAX])
{
	int64_t fraction = microseconds % MICROSECONDS;
	time_t seconds = (time_t)(microseconds / MICROSECONDS);
	struct tm tm;
	char text[80]; /* as much as seven int could take, which the compiler reckons with */

	if (fraction < 0) {
		fraction += MICROSECONDS;
		seconds--;
	}
	gmtime_r(&seconds, &tm); /* cannot fail: every int64 of microseconds lies within tm's years */
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
	         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(fraction / 1000));
	snprintf(out, TEXT_TIME_MAX, "%.*s", TEXT_TIME_MAX - 1, text);
	return out;
}

/* Reads exactly `digits` digits of a number in [min, max] and moves *text past them. */
static int read_digits(const char **text, int digits, int min, int max, int *out)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		value = value * 10 + (**text - '0');
	}
	*out = value;
	return value < min || value > max;
}

static int read_char(const char **text, const char *allowed)
{
	if (!**text || !strchr(allowed, **text))
		return -1;
	(*text)++;
	return 0;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

static int read_date_time(const char **text, struct tm *tm)
{
	int year, month;

	if (read_digits(text, 4, 0, 9999, &year) || read_char(text, "-") ||
	    read_digits(text, 2, 1, 12, &month) || read_char(text, "-") ||
	    read_digits(text, 2, 1, month_days(year, month), &tm->tm_mday) ||
	    read_char(text, "Tt ") || read_digits(text, 2, 0, 23, &tm->tm_hour) || read_char(text, ":") ||
	    read_digits(text, 2, 0, 59, &tm->tm_min) || read_char(text, ":") ||
	    read_digits(text, 2, 0, 60, &tm->tm_sec))
		return -1;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	return 0;
}

static int read_fraction(const char **text, int64_t *microseconds)
{
	int64_t unit = MICROSECONDS / 10;

	*microseconds = 0;
	if (**text != '.')
		return 0;
	(*text)++;
	if (**text < '0' || **text > '9')
		return -1;
	for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
		*microseconds += (**text - '0') * unit;
	return 0;
}

static int read_offset(const char **text, int64_t *seconds)
{
	char sign = **text;
	int hours, minutes;

	*seconds = 0;
	if (!read_char(text, "Zz"))
		return 0;
	if (read_char(text, "+-") || read_digits(text, 2, 0, 23, &hours) || read_char(text, ":") ||
	    read_digits(text, 2, 0, 59, &minutes))
		return -1;
	*seconds = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
	return 0;
}

int text_time_parse(const char *text, int64_t *microseconds)
{
	struct tm tm = {0};
	int64_t fraction, offset;

	if (read_date_time(&text, &tm) || read_fraction(&text, &fraction) || read_offset(&text, &offset) ||
	    *text)
		return -1;
	bool leap_second = tm.tm_sec == 60;
	int64_t seconds = timegm(&tm) - offset;
	if (leap_second && seconds % DAY_SECONDS != 0) /* leap seconds end a UTC day */
		return -1;
	*microseconds = seconds * MICROSECONDS + fraction;
	return 0;
}

int64_t text_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return clock_us_of(now);
}
