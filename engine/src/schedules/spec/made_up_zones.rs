//! Zones that came with a spec, made up by whoever sent it.

use super::*;

/// A zone file of one line: all is said by the rule at its end.
fn zone_file(rule: &str) -> Vec<u8> {
    let mut half = b"TZif2".to_vec();
    half.extend([0; 15]);
    for count in [0_u32, 0, 0, 0, 1, 4] {
        half.extend(count.to_be_bytes());
    }
    half.extend([0; 6]);
    half.extend(b"UTC\0");
    [&half[..], &half[..], b"\n", rule.as_bytes(), b"\n"].concat()
}

#[test]
fn time_goes_on_in_every_zone_that_somebody_makes_up() {
    let rules = [
        "AAA-24BBB24,J1/0,J2/0",
        "AAA24BBB-24,J1/-167,J1/167",
        "AAA-24:59:59BBB24:59:59,J100/0,J101/24",
        "AAA0BBB-1:30,J60/2,J61/2",
    ];
    let (mut tried, all) = (0, [("0", "*"), ("*", "*"), ("30", "23")]);
    for (rule, (minute, hour)) in rules.iter().flat_map(|rule| all.map(|at| (rule, at))) {
        let spec = ScheduleSpec {
            cron_string: vec![format!("{minute} {hour} * * *")],
            timezone_name: "made/up".to_owned(),
            timezone_data: zone_file(rule),
            ..ScheduleSpec::default()
        };
        let Ok(spec) = Spec::compile(&spec) else {
            continue;
        };
        tried += 1;
        let mut at = Timestamp::from_seconds(1_700_000_000);
        for _ in 0..100 {
            let Some(next) = spec.next_after("", at) else {
                break;
            };
            assert!(
                next.nominal > at,
                "{rule} {minute} {hour}: {next:?} after {at:?}"
            );
            at = next.nominal;
        }
    }
    assert!(tried > 0);
}
