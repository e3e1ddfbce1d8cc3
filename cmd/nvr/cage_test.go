package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// cageRole is the role of a process that TestOnlyConfiguredCamerasAreSpokenTo started in its own network: the recorder or the
// camera.
const cageRole = "KEEPWATCH_TEST_CAGE"

// TestOnlyConfiguredCamerasAreSpokenTo runs nvr in a network namespace (invariant I8). One wire leads to a camera in a second
// namespace. Another, with the default route, leads nowhere; the packets sent there are counted and must be none.
func TestOnlyConfiguredCamerasAreSpokenTo(t *testing.T) {
	switch os.Getenv(cageRole) {
	case "recorder":
		recordInCage(t)
		return
	case "camera":
		serveInCage(t)
		return
	}
	t.Parallel()
	for _, flags := range []uintptr{syscall.CLONE_NEWNET, syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER} {
		cmd := inCage(t, "recorder", flags)
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
			continue
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("in the namespace: %v\n%s", err, out)
		}
		t.Log(strings.TrimSpace(string(out)))
		return
	}
	t.Log("a network namespace cannot be made here (run as root, in a container with --cap-add SYS_ADMIN, or allow unprivileged user namespaces): " +
		"auditing the calls of the program with strace instead")
	auditCalls(t)
}

// destination matches an Internet address in the output of strace.
var destination = regexp.MustCompile(`inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"`)

// auditCalls records a camera under strace (Debian package of that name) and checks every destination address.
func auditCalls(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "near", NoSub: true})
	calls, nvr := filepath.Join(s.dir, "calls"), s.command("run")
	s.cmd, s.log = exec.Command("strace", append([]string{"-D", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", calls}, nvr.Args...)...), &buffer{}
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = nvr.Env, s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("neither a network namespace can be made nor strace be run (%v): install strace, or run this test as root", err)
	}
	s.listed("near", "weak: ")
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := s.cams.Camera("near").WaitFrame(ctx, media.Main, 60); err != nil {
		t.Fatal(err)
	}
	s.kill(syscall.SIGTERM)
	b, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	all := destination.FindAllStringSubmatch(string(b), -1)
	for _, d := range all {
		if d[1]+d[2] != "127.0.0.1" {
			t.Errorf("connected or sent to %s", d[1]+d[2])
		}
	}
	if len(all) == 0 {
		t.Errorf("strace saw no connection, not even to the camera:\n%s\n%s", b, s.log.String())
	}
}

// inCage returns this test as a process in a new network namespace, with a role.
func inCage(t *testing.T, role string, flags uintptr) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestOnlyConfiguredCamerasAreSpokenTo$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), cageRole+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// ip runs the command of that name (Debian package iproute2).
func ip(t *testing.T, words string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", words, err, out)
	}
}

const (
	cageCamera    = "10.77.0.2" // at the end of the wire
	cageWire      = "wire"      // to it
	cageOutward   = "outward"   // to nowhere
	cageElsewhere = "198.51.100.7:53"
)

// serveInCage is the camera. It waits for its end of the wire, prints its address, and serves until its input ends.
func serveInCage(t *testing.T) {
	if !poll(t.Context(), 20*time.Second, func() bool { _, err := net.InterfaceByName("camera"); return err == nil }) {
		t.Fatal("the wire does not come")
	}
	ip(t, "link set lo up")
	ip(t, "addr add "+cageCamera+"/24 dev camera nodad")
	ip(t, "link set camera up")
	srv, err := testcam.Start(t.Context(), testcam.Options{Host: cageCamera, Cameras: []testcam.Camera{{Name: "far", Audio: testcam.AAC}}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	fmt.Printf("\nURL %s %s\n", srv.URL("far", media.Main), srv.URL("far", media.Sub))
	_, _ = io.Copy(io.Discard, os.Stdin) // until it ends, at the latest with the parent process
}

// wireCage lays the wires and returns the addresses of the camera's streams.
func wireCage(t *testing.T) (main, sub string) {
	t.Helper()
	// Exclude the kernel's own IPv6 packets from the count.
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	camera := inCage(t, "camera", syscall.CLONE_NEWNET)
	in, err := camera.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := camera.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	camera.Stderr = os.Stderr
	if err := camera.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := camera.Wait(); err != nil {
			t.Errorf("the camera's process: %v", err)
		}
	})
	ip(t, "link set lo up")
	ip(t, "link add "+cageWire+" type veth peer name camera netns "+strconv.Itoa(camera.Process.Pid))
	ip(t, "addr add 10.77.0.1/24 dev "+cageWire)
	ip(t, "link set "+cageWire+" up")
	ip(t, "link add "+cageOutward+" type veth peer name nowhere")
	ip(t, "link set nowhere up")
	ip(t, "addr add 192.0.2.1/24 dev "+cageOutward)
	ip(t, "link set "+cageOutward+" up")
	ip(t, "neigh add 192.0.2.254 lladdr 02:00:00:00:00:fe dev "+cageOutward)
	ip(t, "route add default via 192.0.2.254 dev "+cageOutward)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, err := fmt.Sscanf(lines.Text(), "URL %s %s", &main, &sub); err == nil && n == 2 {
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
			return main, sub
		}
	}
	t.Fatalf("the camera's process says no address: %v", lines.Err())
	return "", ""
}

// strayPackets returns how many packets were sent to nowhere, and how many had no route at all.
func strayPackets(t *testing.T) (sent, unrouted int) {
	t.Helper()
	devices, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	counters, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	sent, unrouted = -1, -1
	for line := range strings.Lines(string(devices)) {
		if name, values, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == cageOutward {
			sent, err = strconv.Atoi(strings.Fields(values)[9])
		}
	}
	var names []string
	for line := range strings.Lines(string(counters)) {
		if fields := strings.Fields(line); fields[0] == "Ip:" && names == nil {
			names = fields
		} else if fields[0] == "Ip:" {
			for i, name := range names {
				if name == "OutNoRoutes" {
					unrouted, err = strconv.Atoi(fields[i])
				}
			}
		}
	}
	if err != nil || sent < 0 || unrouted < 0 {
		t.Fatalf("the counters cannot be read: %v\n%s\n%s", err, devices, counters)
	}
	return sent, unrouted
}

// recordInCage records the camera at the end of the wire and one in this process, requests pages and footage, and counts
// packets.
func recordInCage(t *testing.T) {
	main, sub := wireCage(t)
	near, err := testcam.Start(t.Context(), testcam.Options{Cameras: []testcam.Camera{{Name: "near", NoSub: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	s := &site{t: t, dir: t.TempDir(), url: "http://127.0.0.1:8080", cams: near}
	s.conf = filepath.Join(s.dir, "config.yaml")
	conf := fmt.Sprintf("data: data\nrecordings: recordings\nweb: {listen: \"127.0.0.1:8080\", tls: off}\nstorage: {min_free: 1MB}\ncameras:\n"+
		"  far: {main: %q, sub: %q, audio: true}\n  near: {main: %q, transport: udp}\n", main, sub, near.URL("near", media.Main))
	if err := os.WriteFile(s.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s.nvr("user", "add", "alice", "-password-stdin")
	began := time.Now()
	s.start()
	defer func() { s.kill(syscall.SIGKILL) }()
	s.listed("far", "strong: MAC address") // the kernel's table of neighbours knows what is at the end of a wire
	v := s.login("alice")
	for _, camera := range []string{"far", "near"} {
		if !poll(t.Context(), 20*time.Second, func() bool { return v.state(camera) == "recording" }) {
			t.Fatalf("%s is not recorded:\n%s", camera, s.log.String())
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := near.Camera("near").WaitFrame(ctx, media.Main, 60); err != nil { // four seconds
		t.Fatal(err)
	}
	for _, page := range []string{"/live", "/cameras/far", "/system", "/api/v1/system", "/api/v1/cameras/far/timeline?from=" + began.Add(-time.Minute).UTC().Format(time.RFC3339) +
		"&to=" + time.Now().UTC().Format(time.RFC3339)} {
		if status, b := v.get(page); status != 200 {
			t.Errorf("%s: %d %s", page, status, b)
		}
	}
	s.kill(syscall.SIGTERM)
	if sent, unrouted := strayPackets(t); sent != 0 || unrouted != 0 {
		t.Errorf("%d packets were sent elsewhere, and %d had no route", sent, unrouted)
	}
	stray, err := net.Dial("udp", cageElsewhere)
	if err != nil {
		t.Fatal(err)
	}
	defer stray.Close()
	if _, err := stray.Write([]byte("who counts this")); err != nil {
		t.Fatal(err)
	}
	if sent, _ := strayPackets(t); sent != 1 {
		t.Errorf("a packet was sent elsewhere on purpose, and %d were counted", sent)
	}
}
