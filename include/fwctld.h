/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libfwctld: sending firmware commands through fwctld, from C or C++. Link with -lfwctld
 * (pkg-config libfwctld). libfwctld(3) is the overview, org.fwctld1(5) has what stands behind each
 * function on the bus; the names of errors are in fwctld-names.h.
 *
 *     struct fwctld *connection = NULL;
 *     struct fwctld_result *result = NULL;
 *     struct fwctld_setting lid = { "lid", "smart" };
 *     struct fwctld_request request = { .command = "nvme.get-log-page", .fields = { &lid, 1 } };
 *
 *     if (fwctld_open(&connection) < 0)
 *             ...
 *     r = fwctld_execute(connection, "nvme0", &request, &result);
 *     if (r < 0)
 *             puts(fwctld_error(connection)->message);
 *     fwctld_free(result);
 *     fwctld_close(connection);
 *
 * Every function that returns an int returns 0, or a negative errno, and then leaves what `ret`
 * points to as it was. All of them wait for the answer. A connection belongs to one thread at a
 * time.
 *
 * Every string is UTF-8 without NUL inside. What comes back was written by the device, by the
 * author of a policy or by the daemon: it can hold any character, line breaks and escape sequences
 * too. Do not send it to a terminal as it is. Unless it says otherwise, a pointer in a result is
 * NULL where nothing is known. Later versions add members at the end of the structs that the
 * library returns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A connection to the system bus. */
struct fwctld;

/*
 * Connects to the system bus, or to the bus whose address is in DBUS_SYSTEM_BUS_ADDRESS. fwctld
 * itself need not run: the first call starts it. Fails with the errno of the connection (-ENOENT:
 * no bus here).
 */
int fwctld_open(struct fwctld **ret);

/* NULL is fine. Returns NULL. Results stay valid; what fwctld_error() returned does not. */
struct fwctld *fwctld_close(struct fwctld *connection);

/*
 * Frees what one of the functions below returned through `ret`, with all that it points to; for
 * lists, hand in the list. NULL is fine. Nothing else may be freed by it.
 */
void fwctld_free(void *result);

/*
 * Why the last call on this connection failed; never NULL. It is valid until the next call. After a
 * success all members are NULL.
 */
struct fwctld_error {
	/* "org.fwctld1.Error.Denied" and the like; NULL: found on this side of the bus */
	const char *name;
	const char *message; /* a sentence for a person; never NULL after a failure */
	const char *request; /* id of the request, as in the audit records; 32 hexadecimal digits */
	const char *rule;    /* what decided: a rule's id, or "default:destructive" and the like */
	const char *rule_at; /* where that stands: "/etc/fwctld/policy.d/50-site.yaml:12" */
	const char *note;    /* what the author of the rule wants you to know */
	const char *effect_class; /* "read-only", "config-change" or "destructive" */
	const uint32_t *status;	  /* the device's own status */
};
const struct fwctld_error *fwctld_error(const struct fwctld *connection);

/* clang-format off */
/*
 * The errno of each error of the bus. Of a request that ended in one of the first three it is not
 * known whether the device carried it out; do not blindly repeat it. All others came before, or
 * instead of, its execution.
 *
 *     Timeout            -ETIMEDOUT    the deadline passed, the device still has the command
 *     OutcomeUnknown     -EINPROGRESS  sent, or perhaps sent, and nothing came back
 *     NoReply (D-Bus)    -ETIMEDOUT    fwctld or the bus went away; of an Execute nobody knows more
 *     Denied             -EACCES       by policy
 *     NotAuthenticated   -EPERM        policy asks for an authentication, and there was none
 *     InvalidRequest     -EINVAL       the command's fields, bytes or options are wrong
 *     UnknownCommand     -EOPNOTSUPP   the catalogue has no such command
 *     DeviceGone         -ENODEV       no such device, or not any more, or the name fits several
 *     Busy               -EBUSY        the device still has another command
 *     KernelRefused      -EIO          the kernel did not hand it to the device
 *     DeviceRefused      -EREMOTEIO    the device answered with an error; see `status`
 *     AuditUnavailable   -EAGAIN       it could not be recorded, so it was not sent
 *     QuotaExceeded      -EDQUOT       too many requests of yours at once
 *     ServiceUnknown     -EHOSTUNREACH (D-Bus) fwctld does not run and cannot be started
 *     any other          as sd_bus_error_get_errno(3) says; -EIO for a name that it does not know
 *
 * From this library itself, with `name` NULL:
 *     -EINVAL   an argument is wrong; nothing was sent
 *     -EBADMSG  the answer is not as the bus interface says, or could not be received; an Execute
 *               may have been carried out
 *     -ENOMEM   at any time; an Execute may have been carried out
 *     another   the connection broke before the message was sent
 */
/* clang-format on */

struct fwctld_device {
	/* D-Bus object path; names this device and no other as long as fwctld runs. */
	const char *path;
	const char *name;      /* the kernel's: "nvme0" */
	const char *dialect;   /* "nvme", "cxl", "mlx5", "bnxt", "pds" */
	const char *device_id; /* what stays the same across boots: "nvme:SERIAL" */
	const char *state;     /* "starting", "idle", "busy", "gone" */
	/* From here on set by fwctld_get_device() alone. */
	const char *driver;
	const char *pci_address; /* "0000:01:00.0" */
	const char *serial; /* serial, model, firmware, subsystem_nqn: the device's own claims */
	const char *model;
	const char *firmware;
	const char *subsystem_nqn;
	bool simulated; /* no hardware stands behind it */
};

/* All devices. ret is an array of *ret_n; an empty one has to be freed as well. */
int fwctld_list_devices(struct fwctld *connection, struct fwctld_device **ret, size_t *ret_n);

/*
 * `device`, here and below: a kernel name, a device id, a serial, or the path of a fwctld_device.
 * With a path there is one message less, and no doubt which device is meant when names change.
 */
int fwctld_get_device(struct fwctld *connection, const char *device, struct fwctld_device **ret);

/* What one command, or one refinement of it by its fields, would do and whether the caller may. */
struct fwctld_command {
	const char *name; /* "nvme.get-log-page" */
	/* "lid=error,smart rae=1"; "": what fits none of those; "with nsid=all": what is added */
	const char *when;
	const char *effect_class;
	/* "allow", "authenticate" or "deny"; "refused": never sent, `reason` says why */
	const char *verdict;
	const char *const *effects; /* NULL-terminated; never NULL */
	const char *reason;	    /* why it is of this class */
	const char *static_class;   /* by the catalogue alone: the device can only worsen it */
	/* What the device itself reports; NULL-terminated; never NULL. */
	const char *const *device_effects;
	const char *device_reason; /* the worst of that, in words; NULL: it reports nothing */
};

/* In the order of the catalogue. ret is an array of *ret_n, to be freed when empty, too. */
int fwctld_list_commands(struct fwctld *connection, const char *device, struct fwctld_command **ret,
			 size_t *ret_n);

struct fwctld_field {
	const char *name;  /* never NULL */
	const char *takes; /* "0 to 0xff", "a UUID", "4 bytes" */
	/* The names of values, "smart=0x2"; NULL-terminated; never NULL. */
	const char *const *values;
	const char *default_value; /* or, in words, where it comes from */
	const char *summary;
	bool required;
};

/* A command and the fields that a caller may set. */
struct fwctld_description {
	const char *command; /* its full name, "nvme.get-log-page"; never NULL */
	const char *summary;
	const struct fwctld_field *fields; /* in the order of the catalogue */
	size_t n_fields;
};

int fwctld_describe_command(struct fwctld *connection, const char *device, const char *command,
			    struct fwctld_description **ret);

/*
 * A field and its value, as text: one of the field's names for a value, a decimal or 0x number, a
 * UUID, or hexadecimal bytes. fwctld parses it; this library knows no catalogue.
 */
struct fwctld_setting {
	const char *name;
	const char *value;
};

struct fwctld_settings {
	const struct fwctld_setting *items;
	size_t n;
};

/* A command by its name and fields, or as the device's own bytes: either `command` or `message`. */
struct fwctld_request {
	const char *command;	       /* "nvme.get-log-page"; without the dialect too */
	struct fwctld_settings fields; /* of `command`; each field once; defaults fill the rest */
	/*
	 * The device's own bytes: for NVMe the 64-byte submission queue entry with bytes 16 to 39
	 * zero, for a fwctl device what FWCTL_RPC calls `in`, and the same for a CXL mailbox.
	 */
	const void *message;
	size_t message_length; /* bytes */
	const void *data;      /* what goes to the device beside the fields; at most 64 KiB */
	size_t data_length;    /* bytes */
	/* The device's device_id, or NULL. A wrong one is refused; destructive commands need it. */
	const char *device_id;
	/* A ticket or a sentence for the audit record, at most 256 bytes, or NULL. */
	const char *reason;
};

enum fwctld_item_type {
	FWCTLD_ITEM_NUMBER = 1, /* .number */
	FWCTLD_ITEM_TEXT,  /* .text: text, a value's name, or the digits of more than 64 bits */
	FWCTLD_ITEM_BYTES, /* .bytes */
	FWCTLD_ITEM_GROUP, /* .members */
	FWCTLD_ITEM_OTHER, /* newer than this library; .text: its D-Bus signature */
	FWCTLD_ITEM_SIGNED_NUMBER, /* .number, cast to int64_t */
};

struct fwctld_items {
	const struct fwctld_item *items;
	size_t n;
};

/* One decoded item of a response. What its type does not name is 0 or NULL. */
struct fwctld_item {
	const char *name; /* "critical-warning"; never NULL */
	enum fwctld_item_type type;
	uint64_t number;
	const char *text;
	const char *unit; /* of a number: "K", "%", "* 512000 B"; NULL: none */
	const uint8_t *bytes;
	size_t length;			    /* bytes */
	const struct fwctld_items *members; /* what repeats, one a member */
	size_t n_members;
};

struct fwctld_result {
	const char *request; /* id of the request, as in the audit records; never NULL */
	uint32_t status; /* the device's own; another than 0 is here one that means success too */
	const uint8_t *response;
	size_t response_length; /* bytes */
	/*
	 * In the order of the response; none where the catalogue has no layout. An item "result" is
	 * NVMe's completion, dwords 0 and 1, and comes with or without a layout.
	 */
	struct fwctld_items decoded;
};

/*
 * Executes one command. It waits as long as fwctld does: the command's deadline is in the
 * catalogue, and before it may come a polkit dialog (interactive authentication is allowed).
 */
int fwctld_execute(struct fwctld *connection, const char *device,
		   const struct fwctld_request *request, struct fwctld_result **ret);

struct fwctld_explanation {
	const char *command;	    /* never NULL */
	const char *effect_class;   /* never NULL */
	const char *const *effects; /* NULL-terminated; never NULL */
	const char *reason;	    /* why it is of this class */
	const char *verdict;	    /* "allow", "authenticate" or "deny"; never NULL */
	const char *rule;	    /* these as in struct fwctld_error */
	const char *rule_at;
	const char *note;
	const char *decision;	       /* the verdict in a sentence */
	struct fwctld_settings fields; /* all of them, with defaults; secrets are blotted out */
	const uint32_t *scope;	       /* of a fwctl device: what the kernel would be told */
	const char *digest;	       /* of the request, as in the audit records; hexadecimal */
	/*
	 * What fwctld_execute() would further ask for: "device-id", for a destructive command
	 * without one. NULL-terminated; NULL: nothing.
	 */
	const char *const *needs;
	const char *static_class; /* by the catalogue alone: the device can only worsen it */
	const char *const *device_effects; /* what the device itself reports; NULL-terminated;
					      NULL: nothing */
	const char *device_reason;	   /* the worst of that, in words */
	/* A rule with `observe` that would decide it, if it were enforced; NULL: none. */
	const char *observed_verdict;
	const char *observed_rule;
	const char *observed_rule_at;
};

/*
 * What would fwctld_execute() do with this very request? Sends nothing to the device and charges
 * nothing. It succeeds for a verdict of "deny" as well.
 */
int fwctld_explain(struct fwctld *connection, const char *device,
		   const struct fwctld_request *request, struct fwctld_explanation **ret);

/*
 * Has fwctld load catalogue and policy anew; polkit decides who may (org.fwctld1.manage). A policy
 * with an error changes nothing: -EINVAL, and the message counts the errors. ret_generation counts
 * from 1 and can be NULL.
 */
int fwctld_reload_policy(struct fwctld *connection, uint64_t *ret_generation);

#ifdef __cplusplus
}
#endif
