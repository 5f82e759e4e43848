/* Judges how fast a body comes. */
#include "fastcgi/pace.h"

int pace_add(struct pace *pace, int64_t waited_ns, int64_t bytes, struct err *err)
{
	pace->waited_ns += waited_ns;
	pace->bytes += bytes;
	if (pace->waited_ns < pace->seconds * INT64_C(1000000000))
		return 0;
	if (pace->bytes < pace->seconds * pace->bytes_a_second)
		return err_set(err, ERR_SLOW, "The request's body comes too slowly: less than %lld bytes a second",
		               (long long)pace->bytes_a_second);
	pace->waited_ns = pace->bytes = 0;
	return 0;
}

int pace_stalled(const struct pace *pace, struct err *err)
{
	return err_set(err, ERR_SLOW, "Nothing of the request's body came for %lld s", (long long)pace->seconds);
}
