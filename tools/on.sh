# shellcheck shell=bash
# ./dev test --on SUITE: the tests on another release of Debian, in a root of its own.
#
# The root is made by debootstrap once, from this system's own package source, and kept under $roots; the checkout is copied
# into it, and what was built there stays for the next time.  Needs root, and a kernel that lets root unshare.

roots=${HANDBACK_ROOTS:-/var/cache/handback}

# The first package source of this system.
on_mirror() {
	local found
	found=$(sed -n 's/^URIs: *\([^ ]*debian\/\?\)$/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*debian\/\?\) .*/\2/p' \
		/etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
	printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

# on_make SUITE: whole or not at all
on_make() {
	local root=$roots/$1
	[[ ! -d $root ]] || return 0
	mkdir -p "$roots"
	rm -rf "$root.part"
	debootstrap --variant=minbase --include=ca-certificates "$1" "$root.part" "$(on_mirror)" || return
	mv "$root.part" "$root"
}

# on_copy ROOT: the checkout as it is in the working tree, without what was built here. A file is as old as its content there: what is
# built is made again where a file changed, even if it changed here before that was built.
on_copy() {
	local there=$1/src/handback made=$1/src/copy file
	mkdir -p "$there"
	rm -rf "$made"
	mkdir "$made"
	git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' name; do
		[[ ! -e $name ]] || printf '%s\0' "$name"
	done | tar --null --no-recursion -T - -cf - | tar -xmf - -C "$made" || return
	(cd "$made" && find . -type f -exec sh -c 'for name; do ! cmp -s "$name" "$0/$name" || touch -r "$0/$name" "$name"; done' "$there" {} +)
	find "$there" -mindepth 1 -maxdepth 1 ! -name 'build*' -exec rm -rf {} +
	find "$made" -mindepth 1 -maxdepth 1 -exec mv {} "$there" \;
	rmdir "$made"
	cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
	# how this system reaches its package source: what an administrator wrote, not what a package brought
	for file in /etc/apt/apt.conf.d/*; do
		dpkg-query -S "$file" >/dev/null 2>&1 || cp "$file" "$1/etc/apt/apt.conf.d/"
	done
}

# Inside the new mount and process namespaces: $1 the root, $2 the shared test data or "", then the words for ./dev test.
# shellcheck disable=SC2016  # for the shell that is started there
on_inside='
	set -e
	root=$1 shared=$2
	shift 2
	mount --make-rprivate /
	mount --bind "$root" "$root"
	cd "$root"
	mount -t proc proc proc
	mount --rbind /sys sys
	mount --rbind /dev dev
	mount -t tmpfs -o mode=1777 tmpfs tmp
	if [ -n "$shared" ]; then mkdir -p src/shared; mount --bind "$shared" src/shared; fi
	mkdir -p oldroot
	pivot_root . oldroot
	umount -l /oldroot
	cd /src/handback
	exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 CI=true NO_COLOR=1 ./dev test "$@" </dev/null
'

# run_on SUITE [WORD...]
run_on() {
	local suite=$1 root=$roots/$1 shared=
	shift
	((EUID == 0)) || die "--on $suite: a root of another Debian takes root"
	[[ $suite =~ ^[a-z]+$ ]] || die "--on: \"$suite\" is no name of a Debian release (trixie, bookworm)"
	unshare --mount --pid --fork true 2>/dev/null || die "--on $suite: this kernel does not let root unshare mounts and processes"
	command -v debootstrap >/dev/null || install debootstrap
	must "a root of $suite" on_make "$suite"
	must 'copy the checkout' on_copy "$root"
	[[ ! -d ../shared ]] || shared=$(realpath ../shared)
	exec unshare --mount --pid --fork --kill-child=KILL sh -c "$on_inside" sh "$root" "$shared" "$@"
}
