package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"keepwatch.internal/internal/testcam"
)

// The clip that every camera sends.
const (
	clipFPS  = 15
	clipText = "1920×1080 H.264, 15 fps, 2 Mbit/s, key frame every 2 s"
)

// film is what the clip looks like.
type film struct {
	size string // in pixels, such as 1920x1080
	rate string // bits per second, such as 2M
}

// fullSize is the film of clipText. tileSize is one for many tiles, with the resolution of the demo.
var fullSize, tileSize = film{"1920x1080", "2M"}, film{"640x360", "400k"}

// makeClip has ffmpeg encode a test picture with enough noise to use the whole bit rate, and returns the file.
func makeClip(ctx context.Context, dir string, f film) (string, error) {
	path := filepath.Join(dir, "clip.mp4")
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error",
		"-f", "lavfi", "-i", "testsrc2=size="+f.size+":rate=15:duration=8,noise=alls=12:allf=t",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0",
		"-g", "30", "-keyint_min", "30", "-sc_threshold", "0",
		"-b:v", f.rate, "-minrate", f.rate, "-maxrate", f.rate, "-bufsize", "1M", path).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make the clip with ffmpeg: %w: %s", err, out)
	}
	return path, nil
}

// farmCommand is the argument that turns this program into a farm of cameras. The clip and the number of cameras follow it.
const farmCommand = "farm"

// serveFarm is the process of the cameras. It prints their addresses, one a line. Then it answers every input line with the number
// of playing sessions. It ends at the end of its input, so that it never outlives its parent.
func serveFarm(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("farm: the clip and the number of cameras are wanted")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("farm: %w", err)
	}
	f, err := testcam.StartFarm(ctx, testcam.FarmOptions{File: args[0], Count: count, FPS: clipFPS})
	if err != nil {
		return err
	}
	defer f.Close()
	for i := range count {
		fmt.Fprintln(out, f.URL(i+1))
	}
	questions := bufio.NewScanner(in)
	for questions.Scan() {
		fmt.Fprintln(out, f.Viewers())
	}
	return questions.Err()
}

// farm is the process of the cameras, as seen by its parent.
type farm struct {
	urls    []string
	cmd     *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Scanner
}

// startFarm starts this program again as a farm. The caller stops it.
func startFarm(clip string, cameras int) (*farm, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &farm{cmd: exec.Command(self, farmCommand, clip, strconv.Itoa(cameras))}
	f.cmd.Stderr = os.Stderr
	if f.ask, err = f.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	f.answers = bufio.NewScanner(out)
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	for range cameras {
		url, err := f.answer()
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f.urls = append(f.urls, url)
	}
	return f, nil
}

func (f *farm) answer() (string, error) {
	if f.answers.Scan() {
		return f.answers.Text(), nil
	}
	return "", errors.Join(errors.New("the cameras' process ended"), f.answers.Err())
}

// viewers returns the number of playing sessions of all cameras.
func (f *farm) viewers() (int, error) {
	if _, err := fmt.Fprintln(f.ask); err != nil {
		return 0, err
	}
	text, err := f.answer()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// connectTimeout is how long connecting and disconnecting all cameras may take.
const connectTimeout = time.Minute

// await waits until exactly n sessions play.
func (f *farm) await(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := f.viewers()
		if err != nil || got == n {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d cameras are being recorded: %w", got, n, ctx.Err())
		}
	}
}

// stop ends the process and waits for it.
func (f *farm) stop() error {
	kill := time.AfterFunc(stopTimeout, func() { _ = f.cmd.Process.Kill() }) // it may have ended meanwhile
	defer kill.Stop()
	err := errors.Join(f.ask.Close(), f.cmd.Wait())
	if err != nil {
		return fmt.Errorf("stop the cameras: %w", err)
	}
	return nil
}
