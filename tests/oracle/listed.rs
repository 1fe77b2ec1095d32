//! What GNU tar says that a tar holds.

use std::io::Write;
use std::process::{Command, Stdio};

use ocipeek::format::tar::Kind;

use crate::tars::File;

/// What GNU tar lists, and where it says that each entry is. It does not tell xattrs' values, nor an owner's
/// number where it has a name: so that is asked twice.
pub fn listed(tar: &[u8]) -> Vec<(File, u64)> {
    let (names, numbers) = (run(tar, &[]), run(tar, &["--numeric-owner"]));
    let mut files = Vec::<(File, u64)>::new();
    for (line, numbers) in names.iter().zip(&numbers) {
        if let Some(xattr) = line.strip_prefix("  x: ") {
            let (len, name) = xattr.split_once(' ').unwrap();
            let value = vec![0; len.trim().parse().unwrap()];
            files.last_mut().unwrap().0.xattrs.push((unescape(name), value));
        } else if !line.contains("** Block of NULs **") {
            files.push(parse(line, numbers));
        }
    }
    files
}

fn run(tar: &[u8], args: &[&str]) -> Vec<String> {
    let program = if cfg!(target_os = "macos") { "gtar" } else { "tar" };
    let mut child = Command::new(program)
        .args(["-tvvP", "--block-number", "--full-time", "--xattrs", "--quoting-style=escape", "-f", "-"])
        .args(args)
        .envs([("LC_ALL", "C"), ("TZ", "UTC")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("GNU tar is needed");
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), tar.to_vec());
    // It stops reading behind the tar's end.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// `block N: MODE OWNER/GROUP SIZE DATE TIME NAME`, with a target of links, or two numbers for the size of a device.
fn parse(line: &str, numbers: &str) -> (File, u64) {
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (f, owner) = (fields(line), fields(numbers)[3].clone());
    let pair = |text: &str, by: char| text.split_once(by).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let number = |text: &str| text.parse::<u64>().unwrap();
    let kind = match f[2].as_bytes()[0] {
        b'd' => Kind::Directory,
        b'l' => Kind::Symlink,
        b'h' => Kind::HardLink,
        b'c' => Kind::CharDevice,
        b'b' => Kind::BlockDevice,
        b'p' => Kind::Fifo,
        _ => Kind::Regular,
    };
    let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
    let (uname, gname) = pair(&f[3], '/');
    let (uid, gid) = pair(&owner, '/');
    let named = |name: String, id: &str| if name == id { Vec::new() } else { unescape(&name) };
    let block = number(f[1].trim_end_matches(':'));
    let file = File {
        name: unescape(&f[7]),
        kind,
        data: if device { Vec::new() } else { vec![0; f[4].parse().unwrap()] },
        mode: mode(f[2].as_bytes()),
        uid: number(&uid),
        gid: number(&gid),
        uname: named(uname, &uid),
        gname: named(gname, &gid),
        mtime: time(&f[5], &f[6]),
        link: match kind {
            Kind::Symlink => unescape(&f[9]),
            Kind::HardLink => unescape(&f[10]),
            _ => Vec::new(),
        },
        dev: if device {
            Some(pair(&f[4], ',')).map(|(a, b)| (number(&a), number(&b))).unwrap()
        } else {
            (0, 0)
        },
        xattrs: Vec::new(),
    };
    (file, 512 * block)
}

/// `rwxr-sr-t` and so on.
fn mode(text: &[u8]) -> u32 {
    let mut mode = 0;
    for (i, &c) in text[1..10].iter().enumerate() {
        let special = 0o4000 >> (i / 3);
        mode |= match c {
            b'-' => 0,
            b's' | b't' => special | 1 << (8 - i),
            b'S' | b'T' => special,
            _ => 1 << (8 - i),
        };
    }
    mode
}

fn time(date: &str, time: &str) -> (i64, u32) {
    let date: Vec<i64> = date.split('-').map(|n| n.parse().unwrap()).collect();
    let (whole, part) = time.split_once('.').unwrap_or((time, ""));
    let clock: Vec<i64> = whole.split(':').map(|n| n.parse().unwrap()).collect();
    // Days before the year, of the months before, and of this one.
    let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let days = |y: i64| 365 * (y - 1) + (y - 1) / 4 - (y - 1) / 100 + (y - 1) / 400;
    let months = [31, 28 + i64::from(leap(date[0])), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let in_year: i64 = months[..date[1] as usize - 1].iter().sum();
    let day = days(date[0]) - days(1970) + in_year + date[2] - 1;
    let secs = ((day * 24 + clock[0]) * 60 + clock[1]) * 60 + clock[2];
    (secs, format!("{part:0<9}").parse().unwrap())
}

/// Undoes `\ooo` and `\\`.
fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'\\' && tail[0].is_ascii_digit() {
            out.push(tail[..3].iter().fold(0, |n, d| n << 3 | (d - b'0')));
            rest = &tail[3..];
        } else if first == b'\\' {
            out.push(tail[0]);
            rest = &tail[1..];
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}
