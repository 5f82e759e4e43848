/* The image store in an S3 bucket: who may read an object, where the server lets objects say so, and where not. */
#include "blob/s3/client.h"

/* --- headers that not every server takes -------------------------------------------------------------------------- */

void s3_tries_init(struct s3_tries *tries, const struct s3_client *client, bool public_read, bool conditional)
{
	memset(tries, 0, sizeof(*tries));
	tries->asked_acl = tries->acl = public_read && !atomic_load(&client->no_acl);
	tries->asked_condition = tries->condition = conditional && !atomic_load(&client->no_conditional);
	tries->optional_acl = *client->config->image_store.public_url != '\0';
}

/* If-None-Match: * writes only if there is no such object. */
void s3_tries_headers(const struct s3_tries *tries, struct s3_call *call)
{
	if (tries->acl)
		s3_call_header(call, "x-amz-acl", "public-read");
	if (tries->condition)
		s3_call_header(call, "if-none-match", "*");
}

static bool is_unimplemented(const struct s3_call *call)
{
	return call->transfer.code == CURLE_OK &&
	       (call->transfer.status == 501 || strcmp(call->code, "NotImplemented") == 0);
}

/* The server may say which header it does not support. */
static bool is_acl_unsupported(const struct s3_call *call)
{
	return strcmp(call->code, "AccessControlListNotSupported") == 0 ||
	       (is_unimplemented(call) && strstr(call->message, "x-amz-acl"));
}

/* The key lacks s3:PutObjectAcl. Wrong keys have other codes. */
static bool is_denied(const struct s3_call *call)
{
	return call->transfer.code == CURLE_OK && call->transfer.status == 403 &&
	       (call->code[0] == '\0' || strcmp(call->code, "AccessDenied") == 0);
}

static bool leave_acl_away(struct s3_tries *tries)
{
	if (!tries->acl || !tries->optional_acl)
		return false;
	tries->acl_refused = true;
	tries->acl = false;
	return true;
}

/* A 501 may mean either header, or both. If both were sent, tries without the ACL, then without the condition, then
 * without both. */
static bool leave_one_away(struct s3_tries *tries)
{
	if (tries->acl && tries->condition && tries->optional_acl) {
		tries->acl = false;
		return true;
	}
	if (tries->condition) {
		tries->condition = false;
		tries->acl = tries->asked_acl && !tries->acl_refused;
		return true;
	}
	return leave_acl_away(tries);
}

bool s3_tries_next(struct s3_tries *tries, const struct s3_call *call)
{
	if (is_acl_unsupported(call) || (tries->acl && is_denied(call)))
		return leave_acl_away(tries);
	return is_unimplemented(call) && leave_one_away(tries);
}

void s3_tries_keep(const struct s3_tries *tries, struct s3_client *client)
{
	if (tries->asked_acl && !tries->acl)
		atomic_store(&client->no_acl, true);
	if (tries->asked_condition && !tries->condition)
		atomic_store(&client->no_conditional, true);
}

/* --- ACLs --------------------------------------------------------------------------------------------------------- */

static bool is_acl_refusal(const struct s3_call *call)
{
	return is_acl_unsupported(call) || is_unimplemented(call) || is_denied(call) ||
	       strcmp(call->code, "MethodNotAllowed") == 0;
}

int s3_write_failure(struct s3_client *client, const struct s3_call *call, bool with_acl, struct err *err)
{
	const char *bucket = client->config->image_store.bucket;
	if (with_acl && is_denied(call))
		return err_set(err, ERR_UPSTREAM,
		               "the access key may not make objects of the bucket '%s' public: allow it s3:PutObjectAcl, or "
		               "let a bucket policy publish them and set image_store.public_url", bucket);
	if (with_acl && is_acl_refusal(call))
		return err_set(err, ERR_UPSTREAM,
		               "the bucket '%s' takes no ACLs, so its objects can't be made public one by one: allow ACLs, or "
		               "let a bucket policy publish them and set image_store.public_url", bucket);
	return s3_failure(client, call, err);
}

/* Whether anybody may read the object, without an access key. */
static int look_as_anybody(struct s3_client *client, const char *key, bool *readable, struct err *err)
{
	struct s3_call call;
	s3_call_init(&call, "HEAD", key);
	call.proof = S3_PROOF_ETAG;
	call.anonymous = true;
	*readable = s3_perform(client, &call, err) == 0;
	bool answered = *readable || s3_is_refused(&call); /* some stores refuse unsigned requests as malformed */
	s3_call_release(&call);
	return !answered;
}

/* The server refused to make the object private: that is fine when nobody can read it anyway. Where ACLs aren't
 * supported and there is a public_url, the bucket's policy says who may read. */
static int accept_readable(struct s3_client *client, const struct s3_call *call, struct err *err)
{
	bool readable, by_policy = !is_denied(call) && *client->config->image_store.public_url != '\0';
	if (by_policy)
		return 0;
	if (look_as_anybody(client, call->key, &readable, err) != 0)
		return -1;
	if (!readable)
		return 0;
	return err_set(err, ERR_UPSTREAM,
	               "anybody can read '%s', and the store of the bucket '%s' refuses to change that: allow the access key "
	               "s3:PutObjectAcl, or take it out of the bucket's policy", call->key,
	               client->config->image_store.bucket);
}

int s3_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	struct s3_call call;
	bool optional = *client->config->image_store.public_url != '\0';
	if (public_read && optional && atomic_load(&client->no_acl))
		return 0;
	s3_call_init(&call, "PUT", key);
	s3_call_query(&call, "acl", "");
	s3_call_header(&call, "x-amz-acl", public_read ? "public-read" : "private");
	call.payload = S3_EMPTY_SHA256;
	call.may_miss = true;
	int result = s3_perform(client, &call, err);
	bool refused = result != 0 && is_acl_refusal(&call);
	if (refused && !public_read)
		result = accept_readable(client, &call, err);
	else if (refused)
		result = optional ? 0 : s3_write_failure(client, &call, true, err);
	s3_call_release(&call);
	return result;
}

int s3_settle_public(struct s3_client *client, const char *key, bool public_read, struct err *err)
{
	bool readable = true;
	if (!public_read && look_as_anybody(client, key, &readable, err) != 0)
		return -1;
	return readable ? s3_set_public(&client->base, key, public_read, err) : 0;
}
