//! softlimit's numbers.

use daemontools_tests::Random;
use daemontools_tests::fuzz::fuzz;

use crate::Both;

fn number(random: &mut Random) -> String {
    let text = match random.below(8) {
        0 => random.bytes(30, b"0123456789"),
        1 => random.bytes(4, b"0123456789=+- x.\xb2"),
        2 => b"=".to_vec(),
        3 => (u128::from(u64::MAX) + u128::from(random.below(100_000)) - 50_000).to_string().into_bytes(),
        4 => (u128::from(random.number()) * u128::from(random.number())).to_string().into_bytes(),
        _ => random.below(100_000).to_string().into_bytes(),
    };
    text.into_iter().map(char::from).collect()
}

#[test]
fn the_same_numbers_make_the_same_limits() {
    let Some(both) = Both::new("softlimit on random numbers") else { return };
    fuzz("softlimit", 80, |random| {
        // Limits that keep no small program from running.
        let options: Vec<String> = (0..random.below(4))
            .map(|_| format!("-{}{}{}", random.one(&["c", "l", "p", "r"]), random.one(&["", " "]), number(random)))
            .collect();
        let words: Vec<&str> = options.iter().flat_map(|option| option.splitn(2, ' ')).collect();
        let [theirs, ours] = both.run("softlimit", |start| start.args(&words).args(["/bin/cat", "/proc/self/limits"]));
        assert!(theirs == ours, "{words:?}\n{theirs:?}\n{ours:?}");
    });
}
