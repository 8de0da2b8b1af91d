/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/exec/executor.h"

int main(int argc, char **argv)
{
	executor_run(argc, argv);
}
