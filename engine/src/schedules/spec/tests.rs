//! Moments against a table (computed by the reference) and against an oracle that looks at every
//! second.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use temporalio_protos::temporal::api::schedule::v1::{
    CalendarSpec, Range, ScheduleSpec, StructuredCalendarSpec,
};

use super::*;
use crate::core::time::to_proto;

fn cron(line: &str) -> ScheduleSpec {
    ScheduleSpec {
        cron_string: vec![line.to_owned()],
        ..ScheduleSpec::default()
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn moments(spec: &ScheduleSpec, after: &str, count: usize) -> Vec<String> {
    let spec = Spec::compile(spec).unwrap();
    let mut after = at(after);
    let mut found = Vec::new();
    while found.len() < count
        && let Some(moment) = spec.next_after("seed", after)
    {
        after = moment.actual;
        found.push(moment.actual.to_string().replace(":00.000000Z", "Z"));
    }
    found
}

#[test]
fn cron_lines_mean_these_moments() {
    const TABLE: &[(&str, &str, &[&str])] = &[
        (
            "0 12 * * *",
            "2026-01-01T12:00:00Z",
            &["2026-01-02T12:00Z", "2026-01-03T12:00Z"],
        ),
        // The day of the month and of the week, both.
        (
            "0 0 13 * fri",
            "2026-01-01T00:00:00Z",
            &[
                "2026-02-13T00:00Z",
                "2026-03-13T00:00Z",
                "2026-11-13T00:00Z",
            ],
        ),
        (
            "30 8 * * 6-7",
            "2026-01-01T00:00:00Z",
            &[
                "2026-01-03T08:30Z",
                "2026-01-04T08:30Z",
                "2026-01-10T08:30Z",
            ],
        ),
        (
            "0 0 29 2 * 2026-2033",
            "2026-01-01T00:00:00Z",
            &["2028-02-29T00:00Z", "2032-02-29T00:00Z"],
        ),
        (
            "@every 36h/1h",
            "1970-01-02T00:00:00Z",
            &["1970-01-02T13:00Z", "1970-01-04T01:00Z"],
        ),
        (
            "@every 1.5d",
            "1970-01-01T00:00:00Z",
            &["1970-01-02T12:00Z", "1970-01-04T00:00Z"],
        ),
        // An hour that is skipped is skipped: the 8th of March has none.
        (
            "CRON_TZ=America/New_York 30 2 * * *",
            "2026-03-07T00:00:00Z",
            &["2026-03-07T07:30Z", "2026-03-09T06:30Z"],
        ),
        // An hour that is repeated counts twice, but east of Greenwich only when it comes again.
        (
            "TZ=America/New_York 30 1 1 11 * # autumn",
            "2026-01-01T00:00:00Z",
            &[
                "2026-11-01T05:30Z",
                "2026-11-01T06:30Z",
                "2027-11-01T05:30Z",
            ],
        ),
        (
            "CRON_TZ=Europe/Berlin 30 2 25 10 *",
            "2026-01-01T00:00:00Z",
            &["2026-10-25T01:30Z", "2027-10-25T00:30Z"],
        ),
        ("0 0 30 2 *", "2026-01-01T00:00:00Z", &[]),
        (
            "0 0 1 1 * 2099-2100",
            "2099-06-01T00:00:00Z",
            &["2100-01-01T00:00Z"],
        ),
    ];
    for (line, after, expected) in TABLE {
        let count = expected.len().max(1);
        assert_eq!(moments(&cron(line), after, count), *expected, "{line}");
    }
}

/// Lines of cron, an instant and a jitter in seconds, and the milliseconds of the next moments, as
/// the reference computes them: also where a clock changes by half an hour, at midnight, or by a
/// whole day.
#[test]
fn moments_are_those_of_the_reference() {
    let mut wrong = Vec::new();
    for line in include_str!("moments.txt").lines() {
        let [lines, after, jitter, expected] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let spec = ScheduleSpec {
            cron_string: lines.split(';').map(str::to_owned).collect(),
            jitter: Some(prost_types::Duration {
                seconds: jitter.parse().unwrap(),
                nanos: 0,
            }),
            ..ScheduleSpec::default()
        };
        let spec = Spec::compile(&spec).unwrap();
        let mut after = Timestamp::from_seconds(after.parse().unwrap());
        let mut found = Vec::new();
        while found.len() < 6
            && let Some(moment) = spec.next_after("0193a5b0-0000-7000-8000-000000000001-x", after)
        {
            after = moment.actual;
            found.push(after.as_millis());
        }
        let expected = expected.split_whitespace();
        let mut expected: Vec<i64> = expected.map(|at| at.parse().unwrap()).collect();
        // On the day that a clock leaves out the reference stands still, or goes back and round
        // in a circle. Time goes on here.
        if let Some(last) = expected.windows(2).position(|two| two[1] <= two[0]) {
            expected.truncate(last + 1);
            assert!(found.is_sorted_by(|one, next| one < next), "{line}");
            assert_eq!(found.len(), 6, "{line}");
            found.truncate(last + 1);
        }
        if found != expected {
            wrong.push(format!("{line}\n{found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_spec_is_brought_into_one_form_and_nonsense_is_named() {
    let calendar = CalendarSpec {
        hour: "8-18/2".to_owned(),
        day_of_week: "mon-fri,7".to_owned(),
        comment: "work".to_owned(),
        ..CalendarSpec::default()
    };
    let spec = ScheduleSpec {
        calendar: vec![calendar],
        ..cron("CRON_TZ=Europe/Berlin 0 12 * feb,3 wed/3 # lunch")
    };
    let spec = Spec::compile(&spec).unwrap().into_canonical();
    assert_eq!(spec.timezone_name, "Europe/Berlin");
    let shape = |ranges: &[Range]| -> Vec<_> {
        let ranges = ranges.iter().map(|r| (r.start, r.end, r.step));
        ranges.collect()
    };
    let [work, lunch] = &spec.structured_calendar[..] else {
        panic!("{spec:?}");
    };
    assert_eq!(shape(&work.hour), [(8, 18, 2)]);
    assert_eq!(shape(&work.day_of_week), [(1, 5, 0), (0, 0, 0)]);
    assert_eq!(shape(&work.day_of_month), [(1, 31, 0)]);
    assert_eq!(lunch.comment, "lunch");
    assert_eq!(shape(&lunch.month), [(2, 0, 0), (3, 0, 0)]);
    assert_eq!(shape(&lunch.day_of_week), [(3, 6, 3)]);
    assert!(lunch.year.is_empty());

    for (line, complaint) in [
        ("* * * *", "CronString does not have 5-7 fields"),
        ("60 * * * *", "Minute is not in range [0-59]"),
        (
            "5-1 * * * *",
            "Minute End is before Start or not in range [0-59]",
        ),
        ("1-2-3 * * * *", "Minute has too many dashes"),
        ("*/2/3 * * * *", "Minute has too many slashes"),
        ("*/0 * * * *", "Minute has invalid Step"),
        ("*/x * * * *", "strconv.Atoi: parsing \"x\": invalid syntax"),
        ("0 0 * * * 1999", "Year is not in range [2000-2100]"),
        ("TZ=UTC", "CronString has time zone but missing fields"),
        ("TZ=Not/There * * * * *", "unknown time zone Not/There"),
        ("@every", "CronString does not have interval after @every"),
        ("@every 1h/-3m", "phase is negative"),
        ("@every 100ms", "interval is too small"),
        ("@every 1h/1h", "phase cannot be greater than Interval"),
        ("@every soon", "time: invalid duration \"soon\""),
    ] {
        let error = Spec::compile(&cron(line)).unwrap_err();
        assert_eq!(error.to_string(), complaint, "{line}");
    }
    let two_zones = ScheduleSpec {
        timezone_name: "UTC".to_owned(),
        ..cron("TZ=Europe/Berlin 0 0 * * *")
    };
    let error = Spec::compile(&two_zones).unwrap_err();
    assert_eq!(error.to_string(), "conflicting timezone names");
}

#[test]
fn a_spec_opens_closes_and_leaves_out() {
    let seconds = |text: &str| crate::core::time::to_proto(at(text));
    let spec = ScheduleSpec {
        start_time: Some(seconds("2026-05-01T06:00:00Z")),
        end_time: Some(seconds("2026-05-01T12:00:00Z")),
        exclude_structured_calendar: vec![StructuredCalendarSpec {
            hour: vec![Range {
                start: 8,
                end: 10,
                step: 0,
            }],
            ..cron_calendar("* * * * *")
        }],
        ..cron("0 * * * *")
    };
    let found = moments(&spec, "2026-01-01T00:00:00Z", 10);
    let hours = ["06", "07", "11", "12"].map(|hour| format!("2026-05-01T{hour}:00Z"));
    assert_eq!(found, hours);
}

fn cron_calendar(line: &str) -> StructuredCalendarSpec {
    let spec = Spec::compile(&cron(line)).unwrap().into_canonical();
    spec.structured_calendar[0].clone()
}

#[test]
fn jitter_stays_before_the_next_moment_and_everything_excluded_ends() {
    let mut spec = cron("* * * * *");
    spec.jitter = Some(prost_types::Duration {
        seconds: 3_600,
        nanos: 0,
    });
    let compiled = Spec::compile(&spec).unwrap();
    let mut after = at("2026-01-01T00:00:00Z");
    for _ in 0..100 {
        let moment = compiled.next_after("seed", after).unwrap();
        assert!(moment.actual.since(moment.nominal) < Duration::from_secs(60));
        after = moment.actual;
    }
    spec.jitter = None;
    spec.interval = vec![IntervalSpec {
        interval: Some(crate::core::time::duration(SECOND)),
        phase: None,
    }];
    spec.exclude_structured_calendar = vec![cron_calendar("* * * * * * *")];
    let compiled = Spec::compile(&spec).unwrap();
    assert_eq!(compiled.next_after("seed", after), None);
}

/// Zones west of Greenwich that change by whole hours, and not at midnight. The others the
/// reference reads in ways of its own, which the table in `moments.txt` shows.
const ZONES: [&str; 4] = [
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kathmandu",
];

/// Whether a local clock shows one of these, asked of the library alone.
fn oracle(spec: &StructuredCalendarSpec, zone: &TimeZone, unix: i64) -> bool {
    let shown = zone.to_datetime(jiff::Timestamp::from_second(unix).unwrap());
    let fits = |ranges: &[Range], value: i32| {
        ranges.iter().any(|r| {
            let step = r.step.max(1);
            (r.start..=r.end.max(r.start)).contains(&value) && (value - r.start) % step == 0
        })
    };
    fits(&spec.second, shown.second().into())
        && fits(&spec.minute, shown.minute().into())
        && fits(&spec.hour, shown.hour().into())
        && fits(&spec.day_of_month, shown.day().into())
        && fits(&spec.month, shown.month().into())
        && fits(
            &spec.day_of_week,
            shown.weekday().to_sunday_zero_offset().into(),
        )
}

fn ranges(least: i32, most: i32) -> impl Strategy<Value = Vec<Range>> {
    let one = (least..=most, least..=most, 0..5_i32).prop_map(|(a, b, step)| Range {
        start: a.min(b),
        end: a.max(b),
        step,
    });
    prop::collection::vec(one, 1..3)
}

fn whole(least: i32, most: i32) -> Vec<Range> {
    vec![Range {
        start: least,
        end: most,
        step: 0,
    }]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Every minute of a few days, also around changes of the clock by whole hours.
    #[test]
    fn finds_the_first_second_that_fits(
        minute in ranges(0, 59),
        hour in ranges(0, 23),
        day_of_week in ranges(0, 6),
        zone in 0..ZONES.len(),
        // A day before a change of the clock in one of these zones, or any day.
        start in prop::sample::select(vec![
            1_772_841_600_i64, 1_793_404_800, 1_774_656_000, 1_792_800_000, 1_520_000_000,
            1_541_203_200, 1_760_000_000,
        ]),
        offset in 0..90_000_i64,
    ) {
        let calendar = StructuredCalendarSpec {
            second: whole(0, 0),
            minute,
            hour,
            day_of_month: whole(1, 31),
            month: whole(1, 12),
            day_of_week,
            ..StructuredCalendarSpec::default()
        };
        let spec = ScheduleSpec {
            structured_calendar: vec![calendar.clone()],
            timezone_name: ZONES[zone].to_owned(),
            ..ScheduleSpec::default()
        };
        let spec = Spec::compile(&spec).unwrap();
        let tz = TimeZone::get(ZONES[zone]).unwrap();
        let after = start + offset;
        let next_minute = (after / 60 + 1) * 60;
        let expected = (next_minute..after + 8 * 86_400)
            .step_by(60)
            .find(|unix| oracle(&calendar, &tz, *unix));
        let found = spec.next_after("seed", Timestamp::from_seconds(after));
        let found = found.map(|moment| unix(moment.nominal));
        match expected {
            Some(expected) => prop_assert_eq!(found, Some(expected)),
            None => prop_assert!(found.is_none_or(|found| found >= after + 8 * 86_400)),
        }
    }
}

#[test]
fn specs_that_would_be_looked_through_for_ever_are_not() {
    let never = StructuredCalendarSpec {
        second: vec![Range::default()],
        minute: vec![Range::default()],
        hour: vec![Range::default()],
        day_of_month: vec![Range {
            start: 30,
            end: 31,
            step: 0,
        }],
        month: vec![Range {
            start: 2,
            ..Range::default()
        }],
        day_of_week: vec![Range {
            end: 6,
            ..Range::default()
        }],
        ..StructuredCalendarSpec::default()
    };
    let of = |count: usize, start_time| ScheduleSpec {
        structured_calendar: vec![never.clone(); count],
        start_time: Some(to_proto(start_time)),
        ..ScheduleSpec::default()
    };
    let most = Spec::compile(&of(1_000, Timestamp::from_micros(i64::MIN))).unwrap();
    for _ in 0..100 {
        let first = most.next_after("seed", Timestamp::from_micros(i64::MIN));
        assert_eq!(first, None);
    }
    let refused = Spec::compile(&of(1_001, at("2026-01-01T00:00:00Z"))).unwrap_err();
    assert!(refused.to_string().contains("1001 calendars"), "{refused}");
}
