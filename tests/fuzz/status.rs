//! Status files, for `svstat`.

use std::fs;
use std::fs::File;

use daemontools_tests::fuzz::fuzz;
use daemontools_tests::scrub::scrub;
use daemontools_tests::{Random, Tree};

use crate::Both;

/// 18 bytes that may well be a status, or any bytes.
fn status(random: &mut Random) -> Vec<u8> {
    if random.once_in(5) {
        return random.bytes(40, &(0..=255).collect::<Vec<u8>>());
    }
    let mut bytes = ((1_u64 << 62) + random.below(1 << 31)).to_be_bytes().to_vec();
    if random.once_in(5) {
        bytes = random.number().to_be_bytes().to_vec();
    }
    bytes.extend((random.number() as u32).to_be_bytes());
    let pid = if random.once_in(3) { 0 } else { random.number() as u32 >> random.below(32) };
    bytes.extend(pid.to_le_bytes());
    bytes.push(*random.one(&[0, 0, 1, 1, 2, 255]));
    bytes.push(*random.one(b"ud\0\0xU"));
    bytes.extend(random.bytes(random.clone().below(3), b"more"));
    bytes
}

/// With a `supervise` that seems to run.
fn pretend(tree: Tree) -> (Tree, File) {
    let tree = tree.fifo("sv/supervise/ok");
    let open = File::options().read(true).write(true).open(tree.path("sv/supervise/ok")).expect("open a FIFO");
    (tree, open)
}

#[test]
fn the_same_status_is_told_alike() {
    let Some(Both { original, tree }) = Both::new("svstat on random status files") else { return };
    let (tree, _running) = pretend(tree);
    let both = Both { original, tree };
    fuzz("svstat", 100, |random| {
        let (bytes, down) = (status(random), both.tree.path("sv/down"));
        fs::write(both.tree.path("sv/supervise/status"), &bytes).expect("write a file");
        if random.once_in(2) {
            fs::write(&down, "").expect("write a file");
        } else {
            let _ = fs::remove_file(&down);
        }
        let [theirs, ours] =
            both.run("svstat", |start| start.arg("sv")).map(|out| (out.end, scrub(&out.stdout), out.stderr));
        let shown = bytes.escape_ascii();
        assert!(theirs == ours, "{shown}: {} {}", theirs.1.escape_ascii(), ours.1.escape_ascii());
    });
}
