/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names on the bus, in polkit and in the journal. A published name never changes its meaning. */

#define FWCTLD_BUS_NAME		 "org.fwctld1"
#define FWCTLD_ROOT_PATH	 "/org/fwctld1"
#define FWCTLD_DEVICE_PATH	 "/org/fwctld1/device"
#define FWCTLD_MANAGER_INTERFACE "org.fwctld1.Manager"
#define FWCTLD_DEVICE_INTERFACE	 "org.fwctld1.Device"

/*
 * Errors. The body of each is (s message, a{sv} details); details hold, where known, "request" (s),
 * "rule" (s), "rule-at" (s), "note" (s), "class" (s) and "status" (u).
 */
#define FWCTLD_ERROR_PREFIX	       "org.fwctld1.Error."
#define FWCTLD_ERROR_DENIED	       FWCTLD_ERROR_PREFIX "Denied"
#define FWCTLD_ERROR_NOT_AUTHENTICATED FWCTLD_ERROR_PREFIX "NotAuthenticated"
#define FWCTLD_ERROR_INVALID_REQUEST   FWCTLD_ERROR_PREFIX "InvalidRequest"
#define FWCTLD_ERROR_UNKNOWN_COMMAND   FWCTLD_ERROR_PREFIX "UnknownCommand"
#define FWCTLD_ERROR_DEVICE_GONE       FWCTLD_ERROR_PREFIX "DeviceGone"
#define FWCTLD_ERROR_BUSY	       FWCTLD_ERROR_PREFIX "Busy"
#define FWCTLD_ERROR_TIMEOUT	       FWCTLD_ERROR_PREFIX "Timeout"
#define FWCTLD_ERROR_KERNEL_REFUSED    FWCTLD_ERROR_PREFIX "KernelRefused"
#define FWCTLD_ERROR_DEVICE_REFUSED    FWCTLD_ERROR_PREFIX "DeviceRefused"
#define FWCTLD_ERROR_OUTCOME_UNKNOWN   FWCTLD_ERROR_PREFIX "OutcomeUnknown"
#define FWCTLD_ERROR_AUDIT_UNAVAILABLE FWCTLD_ERROR_PREFIX "AuditUnavailable"
#define FWCTLD_ERROR_QUOTA_EXCEEDED    FWCTLD_ERROR_PREFIX "QuotaExceeded"

/* Polkit actions: one an effect class, and one for managing fwctld itself. */
#define FWCTLD_ACTION_READ_ONLY	    "org.fwctld1.read-only"
#define FWCTLD_ACTION_CONFIG_CHANGE "org.fwctld1.config-change"
#define FWCTLD_ACTION_DESTRUCTIVE   "org.fwctld1.destructive"
#define FWCTLD_ACTION_MANAGE	    "org.fwctld1.manage"

/* MESSAGE_ID of each kind of audit record; units/fwctld.catalog has a text for each. */
#define FWCTLD_MESSAGE_STARTED	       "2c1d8d5f0fa84ffcaae81510c92e0889"
#define FWCTLD_MESSAGE_DEVICE_ADDED    "46836438a9af42fda4873562c7a02442"
#define FWCTLD_MESSAGE_DEVICE_REMOVED  "6d4d4a7906494c989bd7c899e07e8992"
#define FWCTLD_MESSAGE_INTENT	       "101b7fc2f2534e9ab64854a38b053a59"
#define FWCTLD_MESSAGE_OUTCOME	       "90c3305a0dc245808a270867475a0718"
#define FWCTLD_MESSAGE_DENIED	       "d248db53f72f4dd6a886556079bdab1b"
#define FWCTLD_MESSAGE_AUTHENTICATION  "8c7f7fa7cb7e45ee9799814272eb3db8"
#define FWCTLD_MESSAGE_POLICY_LOADED   "dadf4f1406eb4efd9f0a8ca811bfe551"
#define FWCTLD_MESSAGE_POLICY_REJECTED "2a9cc4ccfad94e15adcf32c3838cfb70"
#define FWCTLD_MESSAGE_EXECUTOR_LOST   "111e8c13fd604ea1ac23328dba27e674"
#define FWCTLD_MESSAGE_LATE_OUTCOME    "e316648a61234160b1f323ff622a184f"
#define FWCTLD_MESSAGE_SUPPRESSED      "6fb8cd6089c14849bb4998b8f6381c24"
#define FWCTLD_MESSAGE_WOULD_HAVE      "9a3f335bc06c4469b6298c6cfebfd835"
