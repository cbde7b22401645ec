//! The list of cases, and what each needs.

mod batches;
mod conditions;
mod counters;
mod crash;
mod declared;
mod encodings;
mod handles;
mod keys;
mod listing;
mod network;
mod ranges;
mod requests;
mod values;
mod versions;

pub use counters::Job;

use Need::{
    Blocking, Content, Create, Limit, List, Network, Persistence, PowerCuts, Processes, Refusing,
    Stranger, Swap, SwapDelete, Write,
};

use super::bench::{Bench, Verdict};
use super::suite::Suite;
use crate::backend::{Capabilities, ConditionalPut, IoModel};

/// One promise, and how to test it.
pub(super) struct Case {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) run: fn(&Bench<'_>) -> Verdict,
}

/// What a case cannot do without.
#[derive(Debug, Clone, Copy)]
pub(super) enum Need {
    /// Content can be written, by the store or by its writer.
    Content,
    /// The store itself can write.
    Write,
    List,
    Create,
    Swap,
    SwapDelete,
    Persistence,
    Processes,
    Blocking,
    Limit,
    Refusing,
    Network,
    Stranger,
    PowerCuts,
}

/// Why a need is not met, if it is not.
pub(super) fn unmet(need: Need, suite: &Suite<'_>, can: &Capabilities) -> Option<&'static str> {
    let (met, reason) = match need {
        Content => (suite.can_fill(can), "the store is read-only, and no writer was given"),
        Write => (can.writable, "the store is read-only"),
        List => (can.listable, "the store does not list"),
        Create => (
            can.conditional_put >= ConditionalPut::CreateOnly,
            "the store does not declare IfAbsent",
        ),
        Swap => (
            can.conditional_put == ConditionalPut::CompareAndSwap,
            "the store does not declare IfVersion",
        ),
        SwapDelete => (can.conditional_delete, "the store does not declare conditional deletes"),
        Persistence => (suite.persistent, "the store was not said to be persistent"),
        Processes => (suite.process.is_some(), "no way to start a process was given"),
        Blocking => (can.io == IoModel::Blocking, "the store is asynchronous"),
        Refusing => (!suite.refusing.is_empty(), "no handle that must not write was given"),
        Network if can.io == IoModel::Blocking => (false, "the store uses no network"),
        Network => (suite.network.is_some(), "no server was named that a proxy can stand before"),
        Stranger => (suite.stranger.is_some(), "no handle with wrong credentials was given"),
        PowerCuts => (false, "what a power cut leaves cannot be seen from outside a store"),
        Limit => (can.max_value_len.is_some(), "the store declares no longest value"),
    };
    (!met).then_some(reason)
}

/// All cases but the last, in the order in which they run.
pub(super) fn all_cases() -> impl Iterator<Item = Case> {
    CASES.iter().map(|&(id, name, needs, run)| Case { id, name, needs, run })
}

type Row = (&'static str, &'static str, &'static [Need], fn(&Bench<'_>) -> Verdict);

#[rustfmt::skip]
const CASES: &[Row] = &[
    ("C1", "values_of_all_sizes_come_back", &[Content], values::sizes),
    ("C2", "a_missing_key_is_none_and_not_an_error", &[], values::missing),
    ("C3", "an_empty_value_is_not_a_missing_one", &[Content], values::empty),
    ("C4", "ranges_are_cut_and_clipped_as_promised", &[Content], ranges::one),
    ("C5", "several_ranges_come_in_the_order_asked", &[Content], ranges::several),
    ("C6", "a_batch_of_gets_keeps_order_and_isolates_failures", &[Content], batches::gets),
    ("C7", "keys_are_stored_verbatim_or_refused", &[Content], keys::names),
    ("C8", "a_key_and_keys_below_it_do_not_disturb_each_other", &[Write], keys::nested),
    ("C9", "listings_are_complete_and_hold_nothing_else", &[Content, List], listing::complete),
    ("C10", "deletes_end_where_their_key_or_prefix_ends", &[Write, List], listing::bounds),
    ("C11", "other_handles_see_a_write_at_once", &[Content], handles::second),
    ("C12", "content_survives_closing_and_opening", &[Content, Persistence], handles::reopened),
    ("C13", "readers_during_overwrites_see_whole_values", &[Content], requests::overwrites),
    ("C14", "threads_on_other_keys_lose_nothing", &[Write], requests::disjoint),
    ("C15", "threads_count_by_compare_and_swap", &[Write, Swap], counters::threads_count),
    ("C16", "processes_count_by_compare_and_swap", &[Write, Swap, Processes], counters::processes_count),
    ("C17", "of_several_creators_one_wins", &[Write, Create], conditions::creation),
    ("C18", "conditional_deletes_follow_their_condition", &[Write, Swap, SwapDelete], conditions::deletes),
    ("C19", "every_overwrite_changes_the_version", &[Content], versions::change),
    ("C20", "a_killed_writer_leaves_whole_values", &[Write, Persistence, Processes], crash::killed_writers),
    ("C21", "a_refused_write_leaves_the_old_value", &[Content, Refusing], crash::refused_writes),
    ("C22", "a_store_out_of_reach_fails_and_recovers", &[Content, Network], network::out_of_reach),
    ("C23", "what_was_reported_survives_a_power_cut", &[Write, PowerCuts], |_| Ok(())),
    ("C24", "cut_replies_are_failures", &[Content, Network], network::cut_replies),
    ("C25", "lost_replies_are_settled_and_nothing_is_doubled", &[Write, Network], network::lost_replies),
    ("C26", "a_stalled_server_is_a_timeout", &[Content, Network], network::stalled),
    ("C27", "wrong_credentials_are_told_at_once", &[Content, Network, Stranger], network::strangers),
    ("X1", "content_encodings_come_back", &[Content], encodings::kept),
    ("X2", "readers_see_bytes_with_their_own_encoding", &[Content], encodings::paired),
    ("X3", "batches_write_and_delete_just_what_they_name", &[Write], batches::writes),
    ("X4", "conditional_puts_follow_their_condition", &[Write, Create], conditions::puts),
    ("X5", "what_is_not_declared_is_refused", &[], declared::refused),
    ("X6", "a_blocking_store_never_answers_pending", &[Blocking], declared::never_pending),
    ("X7", "all_answers_tell_the_same_version", &[Content], versions::agree),
    ("X8", "values_over_the_declared_limit_are_refused", &[Write, Limit], values::over_limit),
    ("X9", "many_requests_at_once_on_any_executor", &[Content], requests::at_once),
    ("X10", "an_abandoned_put_leaves_a_whole_value", &[Write], requests::abandoned),
    ("X11", "the_store_names_itself_in_one_line", &[], declared::name),
];
