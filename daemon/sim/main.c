/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/exec/executor.h"
#include "daemon/sim/model.h"
#include "include/cleanup.h"

static int create(int argc, char **argv)
{
	static const char *const names[] = {
		[SIM_NVME] = "nvme", [SIM_CXL] = "cxl",	  [SIM_CXL_MEM] = "cxl-mem",
		[SIM_MLX5] = "mlx5", [SIM_BNXT] = "bnxt", [SIM_PDS] = "pds",
	};
	enum sim_dialect dialect = SIM_NVME;
	int r;

	while (argc == 5 && dialect < ELEMENTSOF(names) && strcmp(argv[2], names[dialect]) != 0)
		dialect++;
	if (argc != 5 || dialect == ELEMENTSOF(names)) {
		fprintf(stderr,
			"Usage: fwctl-exec-sim --create nvme|cxl|cxl-mem|mlx5|bnxt|pds FILE "
			"SERIAL\n");
		return EXIT_FAILURE;
	}

	r = device_create(argv[3], dialect, argv[4]);
	if (r == -EINVAL)
		fprintf(stderr,
			"\"%s\" can't be a serial number: it has 1 to 20 printable ASCII "
			"characters "
			"and no space.\n",
			argv[4]);
	else if (r == -EEXIST)
		fprintf(stderr,
			"%s exists. A simulated device keeps its state there: delete it, or choose "
			"another name.\n",
			argv[3]);
	else if (r < 0)
		fprintf(stderr, "%s can't be written: %s.\n", argv[3], strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	/* The monitor gives it a name and an envelope. */
	if (argc != 3 || strcmp(argv[1], "--create") == 0)
		return create(argc, argv);
	executor_run(argc, argv);
}
