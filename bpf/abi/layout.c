// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Names the types that src/abi/layout.ts is made of (scripts/layout.js), since clang writes BTF only of the types of
 * variables and functions. It is part of no object that is loaded.
 */
#include <linux/types.h>
#include "config.h"
#include "cpu.h"
#include "journey.h"
#include "process.h"
#include "record.h"
#include "target.h"

struct ipft_event event;
struct ipft_return event_of_return;
struct ipft_begin begin;
struct ipft_moved moved;
struct ipft_end end;
struct ipft_snapshot snapshot;
struct ipft_place place;
struct ipft_journey journey;
struct ipft_part part;
struct ipft_wanted_device wanted_device;
struct ipft_wanted_places wanted_places;
struct ipft_config config;
struct ipft_cpu cpu;
struct ipft_following following;
struct ipft_holder holder;
struct ipft_whose whose;

enum ipft_sequence sequence;
enum ipft_event_flag event_flag;
enum ipft_notice notice;
enum ipft_stage stage;
enum ipft_journey_flag journey_flag;
enum ipft_journeys_size journeys_size;
enum ipft_owner owner;
enum ipft_target target;
enum ipft_target_limit target_limit;
enum ipft_copy copy;
enum ipft_cookies_size cookies_size;
enum ipft_function_constant function_constant;
enum ipft_filters filters;
enum ipft_data_size data_size;
enum ipft_counts counts;
enum ipft_histogram histogram;
enum ipft_step step;
enum ipft_counted_size counted_size;
enum ipft_mark_constant mark_constant;
enum ipft_mark_question mark_question;
enum ipft_switch_constant switch_constant;
enum ipft_wanted_places_limit wanted_places_limit;
enum ipft_connections_size connections_size;
enum ipft_process process;
enum ipft_processes_size processes_size;
enum ipft_party party;
