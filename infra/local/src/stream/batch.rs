//! What a function's answer means for a batch. Pure.
//!
//! The rules are those of "Configuring partial batch response with DynamoDB and Lambda" of the Lambda guide, with
//! `ReportBatchItemFailures` and `BisectBatchOnFunctionError`: the lowest failed record is where the batch goes on;
//! a batch that fails at its first record, or as a whole, is split in two, which counts as no retry; a record that
//! fails alone is tried again, a limited number of times.

use serde_json::Value;

use super::Record;

/// Records that go to the function together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub records: Vec<Record>,
    /// How often this very batch has failed before.
    pub retried: u32,
}

/// What the function said of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Everything is worked.
    Done,
    /// Everything before the record of this index is worked, that one is not.
    FailedAt(usize),
    /// Nothing may be taken for worked.
    AllFailed,
}

/// What to do with a batch next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Nothing is left; `last` is the last record's place.
    Done { last: String },
    /// The records up to the place `done` are worked; the rest follows.
    Rest { done: String, rest: Batch },
    /// Two batches in the place of one.
    Halves { first: Batch, second: Batch },
    /// The same again, after a wait.
    Again(Batch),
    /// The one record of the batch has failed too often.
    GiveUp { record: Record, attempts: u32 },
}

impl Batch {
    /// A batch that has not failed yet.
    pub fn new(records: Vec<Record>) -> Self {
        Self { records, retried: 0 }
    }

    /// Reads the function's answer: `{"batchItemFailures": [{"itemIdentifier": sequence number}]}`. An empty answer
    /// means success; a failure without an identifier, or with one that is not in the batch, means that all failed.
    pub fn verdict(&self, answer: &Value) -> Verdict {
        let failures = match answer.get("batchItemFailures") {
            None | Some(Value::Null) => return Verdict::Done,
            Some(Value::Array(failures)) => failures,
            Some(_) => return Verdict::AllFailed,
        };
        let index = |failure: &Value| {
            let identifier = failure.get("itemIdentifier")?.as_str()?;
            self.records.iter().position(|record| record.sequence_number() == identifier)
        };
        match failures.iter().map(index).collect::<Option<Vec<_>>>() {
            None => Verdict::AllFailed,
            Some(failed) => failed.into_iter().min().map_or(Verdict::Done, Verdict::FailedAt),
        }
    }

    /// What follows from a verdict, where a record that fails alone is tried `retries` more times.
    pub fn next(mut self, verdict: Verdict, retries: u32) -> Next {
        match verdict {
            Verdict::Done => Next::Done { last: self.records.last().map(|last| last.sequence_number().to_owned()).unwrap_or_default() },
            Verdict::FailedAt(index) if index > 0 && index < self.records.len() => {
                let rest = self.records.split_off(index);
                let done = self.records.last().map(|last| last.sequence_number().to_owned()).unwrap_or_default();
                Next::Rest { done, rest: Batch::new(rest) }
            }
            _ if self.records.len() > 1 => {
                let second = self.records.split_off(self.records.len() / 2);
                Next::Halves { first: Batch::new(self.records), second: Batch::new(second) }
            }
            _ if self.retried < retries => Next::Again(Batch { retried: self.retried + 1, ..self }),
            _ => match self.records.pop() {
                Some(record) => Next::GiveUp { record, attempts: self.retried + 1 },
                None => Next::Done { last: String::new() },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn batch(numbers: impl IntoIterator<Item = u32>) -> Batch {
        Batch::new(numbers.into_iter().map(Record::numbered).collect())
    }

    fn number(number: u32) -> String {
        format!("{number:021}")
    }

    #[test]
    fn answers_are_read() {
        let failures = |numbers: &[u32]| {
            let list: Vec<_> = numbers.iter().map(|n| json!({ "itemIdentifier": number(*n) })).collect();
            json!({ "batchItemFailures": list })
        };
        let cases = [
            (json!(null), Verdict::Done),
            (json!({}), Verdict::Done),
            (json!({ "batchItemFailures": null }), Verdict::Done),
            (failures(&[]), Verdict::Done),
            (failures(&[3]), Verdict::FailedAt(2)),
            (failures(&[3, 2]), Verdict::FailedAt(1)),
            (failures(&[9]), Verdict::AllFailed),
            (failures(&[2, 9]), Verdict::AllFailed),
            (json!({ "batchItemFailures": [{ "itemIdentifier": "" }] }), Verdict::AllFailed),
            (json!({ "batchItemFailures": [{ "itemIdentifier": null }] }), Verdict::AllFailed),
            (json!({ "batchItemFailures": [{ "identifier": number(1) }] }), Verdict::AllFailed),
            (json!({ "batchItemFailures": "all" }), Verdict::AllFailed),
        ];
        for (answer, want) in cases {
            assert_eq!(batch(1..=3).verdict(&answer), want, "{answer}");
        }
    }

    #[test]
    fn a_batch_goes_on_at_the_record_that_failed() {
        let next = batch(1..=5).next(Verdict::FailedAt(2), 3);
        assert_eq!(next, Next::Rest { done: number(2), rest: batch(3..=5) });
    }

    #[test]
    fn a_batch_that_fails_at_once_is_split_without_a_retry() {
        for verdict in [Verdict::FailedAt(0), Verdict::AllFailed] {
            let next = Batch { retried: 2, ..batch(1..=5) }.next(verdict, 3);
            assert_eq!(next, Next::Halves { first: batch(1..=2), second: batch(3..=5) });
        }
    }

    #[test]
    fn a_record_that_fails_alone_is_tried_three_more_times() {
        let mut next = batch([1]).next(Verdict::AllFailed, 3);
        for retried in 1..=3 {
            assert_eq!(next, Next::Again(Batch { retried, ..batch([1]) }));
            let Next::Again(again) = next else { return };
            next = again.next(Verdict::FailedAt(0), 3);
        }
        assert_eq!(next, Next::GiveUp { record: Record::numbered(1), attempts: 4 });
    }
}
