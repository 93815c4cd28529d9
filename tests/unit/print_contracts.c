/* Prints what the programs may say to each other, and when: tests/golden/protocol.txt. */
#include "lib/protocol/api_call.h"
#include "lib/protocol/control_client.h"
#include "lib/protocol/decrypt_job.h"
#include "lib/protocol/desk_call.h"
#include "lib/protocol/fetch_job.h"
#include "lib/protocol/frame.h"
#include "lib/protocol/parse_job.h"
#include "lib/protocol/receive_job.h"
#include "lib/protocol/send_job.h"
#include "lib/protocol/try_call.h"
#include "lib/protocol/worker_job.h"

int
main(void)
{
	contract_print(&worker_contract, stdout);
	contract_print(&parse_contract, stdout);
	contract_print(&frame_contract, stdout);
	contract_print(&decrypt_contract, stdout);
	contract_print(&fetch_contract, stdout);
	contract_print(&control_contract, stdout);
	contract_print(&api_contract, stdout);
	contract_print(&receive_contract, stdout);
	contract_print(&send_contract, stdout);
	contract_print(&desk_contract, stdout);
	contract_print(&try_contract, stdout);
	return 0;
}
