/* Judges how fast a body arrives. */
#include "fastcgi/pace.h"

#include "base/clock.h"

int pace_add(struct pace *pace, int64_t waited_us, int64_t bytes, struct err *err)
{
	pace->waited_us += waited_us;
	pace->bytes += bytes;
	if (pace->waited_us < pace->seconds * MICROSECONDS)
		return 0;
	if (pace->bytes < pace->seconds * pace->bytes_a_second)
		return err_set(err, ERR_SLOW, "The request's body comes too slowly: less than %lld bytes a second",
		               (long long)pace->bytes_a_second);
	pace->waited_us = pace->bytes = 0;
	return 0;
}

int pace_stalled(const struct pace *pace, struct err *err)
{
	return err_set(err, ERR_SLOW, "Nothing of the request's body came for %lld s", (long long)pace->seconds);
}
