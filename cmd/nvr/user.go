package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/identity"
)

// userCall is one parsed "nvr user …".
type userCall struct {
	t             terminal
	people        *accounts.Directory
	zone          *time.Location
	name          string
	id            string // the second word after the action
	admin         bool
	passwordStdin bool
	yes           bool
	end           bool
	token         tokenFlags
}

// tokenFlags are those of "nvr user token".
type tokenFlags struct {
	label, actions, cameras string
	days                    int
}

// userAction is one action of nvr user.
type userAction struct {
	name, words string   // words: the arguments after the name
	flags       []string // that apply to it
	run         func(context.Context, userCall) error
}

// userActions returns the table of them, in the order of the help.
func userActions() []userAction {
	return []userAction{
		{"add", "NAME", []string{"admin", "password-stdin"}, userAdd},
		{"list", "", nil, userList},
		{"passwd", "NAME", []string{"password-stdin"}, userPasswd},
		{"remove", "NAME", []string{"yes"}, userRemove},
		{"token", "NAME", []string{"label", "actions", "cameras", "days"}, userToken},
		{"tokens", "NAME", nil, userTokens},
		{"token-off", "NAME ID", nil, userTokenOff},
		{"sessions", "NAME", []string{"end"}, userSessions},
		{"totp-off", "NAME", nil, userTOTPOff},
	}
}

// userCommand opens the accounts database itself, so that it works with or without a running server.
func userCommand(ctx context.Context, t terminal, args []string) error {
	fs := newFlags()
	path := configFlag(fs)
	call := userCall{t: t}
	fs.BoolVar(&call.admin, "admin", false, "add: as an administrator")
	fs.BoolVar(&call.passwordStdin, "password-stdin", false, "add, passwd: read the password from standard input")
	fs.BoolVar(&call.yes, "yes", false, "remove: without asking")
	fs.BoolVar(&call.end, "end", false, "sessions: end all of them")
	fs.StringVar(&call.token.label, "label", "", "token: what it is for")
	fs.StringVar(&call.token.actions, "actions", "", "token: what it may do, for example live,playback or metrics")
	fs.StringVar(&call.token.cameras, "cameras", "", "token: on which cameras, for example front-door,garage")
	fs.IntVar(&call.token.days, "days", 0, "token: how many days it is valid")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	action, err := chooseAction(fs, words)
	if err != nil {
		return err
	}
	if len(words) > 1 {
		call.name = words[1]
	}
	if len(words) > 2 {
		call.id = words[2]
	}
	c, err := loadConfig(t, *path)
	if err != nil {
		return err
	}
	call.zone = c.Timezone
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	key, err := masterKey(c.Data, c.Recordings)
	if err != nil {
		return err
	}
	if call.people, err = openAccounts(ctx, c, key, slog.New(slog.NewTextHandler(t.err, nil))); err != nil {
		return err
	}
	return errors.Join(action.run(ctx, call), call.people.Close())
}

// chooseAction finds the action for the words. It refuses words and flags that the action would ignore.
func chooseAction(fs *flag.FlagSet, words []string) (userAction, error) {
	all := userActions()
	i := -1
	if len(words) > 0 {
		i = slices.IndexFunc(all, func(a userAction) bool { return a.name == words[0] })
	}
	if i < 0 {
		var names []string
		for _, a := range all {
			names = append(names, strings.TrimSpace(a.name+" "+a.words))
		}
		said := "what to do is missing"
		if len(words) > 0 {
			said = fmt.Sprintf("unknown action %q", words[0])
		}
		return userAction{}, usagef("%s: %s", said, strings.Join(names, ", "))
	}
	action := all[i]
	if want := len(strings.Fields(action.words)); len(words)-1 != want {
		if want == 0 {
			return action, usagef("%s takes 0 names, not %d", action.name, len(words)-1)
		}
		return action, usagef("usage is \"nvr user %s %s\": %s takes %d name, not %d", action.name, action.words, action.name, want, len(words)-1)
	}
	var err error
	fs.Visit(func(f *flag.Flag) {
		if f.Name != "config" && !slices.Contains(action.flags, f.Name) {
			err = usagef("-%s does not apply to %s", f.Name, action.name)
		}
	})
	return action, err
}

func userAdd(ctx context.Context, c userCall) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	if err := c.people.AddUser(ctx, c.name, password, c.admin); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "added %s\n", c.name)
	return nil
}

func userPasswd(ctx context.Context, c userCall) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	if err := c.people.SetPassword(ctx, c.name, password); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "changed the password of %s and ended its sessions\n", c.name)
	return nil
}

// userRemove lists the effects of the removal, and asks for confirmation on a terminal.
func userRemove(ctx context.Context, c userCall) error {
	effects, err := c.people.RemovalEffects(ctx, c.name)
	if err != nil {
		return err
	}
	if effects.LastOne {
		return accounts.ErrLastAdmin
	}
	names, err := identity.New(c.people.DB(), time.Now).CameraNames(ctx)
	if err != nil {
		return err
	}
	lines := effectLines(c.name, effects, names)
	if len(lines) > 0 {
		fmt.Fprintln(c.t.err, strings.Join(lines, "\n"))
	}
	if !c.yes && term.IsTerminal(int(c.t.in.Fd())) {
		fmt.Fprintf(c.t.err, "Remove %s? Type yes: ", c.name)
		answer, err := bufio.NewReader(io.LimitReader(c.t.in, 64)).ReadString('\n')
		if err != nil || strings.TrimSpace(answer) != "yes" {
			return errors.New("nothing was removed")
		}
	}
	if err := c.people.RemoveUser(ctx, c.name); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "removed %s with its sessions and tokens; footage is kept\n", c.name)
	return nil
}

// effectLines lists what the removal of an account removes and what stays.
func effectLines(name string, e accounts.Effects, names map[access.Camera]string) []string {
	var lines []string
	if n := len(e.Orphans); n > 0 {
		lines = append(lines, fmt.Sprintf("%s is the only owner of %s: nobody will see %s until the configuration names another owner; recording continues",
			name, cameraList(e.Orphans, names), map[bool]string{true: "it", false: "them"}[n == 1]))
	}
	if e.Named {
		lines = append(lines, fmt.Sprintf("the configuration names %s as an owner: remove the name there, too", name))
	}
	for what, n := range map[string]int{"shares and links that " + name + " gave": e.Given, "shares that " + name + " was given": e.Held} {
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%d %s end with it", n, what))
		}
	}
	slices.Sort(lines[min(len(lines), 2):])
	return lines
}

// cameraList lists cameras by their names at the server's last start.
func cameraList(cameras []access.Camera, names map[access.Camera]string) string {
	all := make([]string, 0, len(cameras))
	for _, c := range cameras {
		name := names[c]
		if name == "" {
			name = "a camera that the configuration no longer names"
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func userList(ctx context.Context, c userCall) error {
	users, err := c.people.Users(ctx)
	if err != nil {
		return err
	}
	seen, err := c.people.VisibleCamerasOfAll(ctx)
	if err != nil {
		return err
	}
	w := c.table("NAME\tROLE\tSINCE\tOWNS\tSEES")
	for _, u := range users {
		role := "-"
		if u.Admin {
			role = "administrator"
		}
		owns := 0
		for _, s := range seen[u.ID] {
			if s.Owner {
				owns++
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", u.Name, role, format.Date(u.Created.In(c.zone)), owns, len(seen[u.ID]))
	}
	return w.Flush()
}

func userTOTPOff(ctx context.Context, c userCall) error {
	if err := c.people.TOTPOff(ctx, c.name); err != nil {
		return err
	}
	fmt.Fprintf(c.t.out, "%s now logs in with the password only; its second factor, recovery codes and passkeys are removed\n", c.name)
	return nil
}

// password asks twice for a password on a terminal, or reads it from standard input if requested.
func (c userCall) password() (string, error) {
	if c.passwordStdin {
		line, err := bufio.NewReader(io.LimitReader(c.t.in, 4096)).ReadString('\n')
		if err != nil && (!errors.Is(err, io.EOF) || line == "") {
			return "", errors.New("no password on standard input")
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	fd := int(c.t.in.Fd())
	if !term.IsTerminal(fd) {
		return "", usagef("standard input is not a terminal; pass the password with -password-stdin")
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(c.t.err, prompt)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(c.t.err)
		return string(b), err
	}
	first, err := ask("Password for " + c.name + ": ")
	if err != nil {
		return "", err
	}
	again, err := ask("Repeat password: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the passwords differ; nothing was changed")
	}
	return first, nil
}

// number parses an ID from a list.
func (c userCall) number() (int64, error) {
	n, err := strconv.ParseInt(c.id, 10, 64)
	if err != nil || n <= 0 {
		return 0, usagef("%q is not an ID; \"nvr user tokens %s\" lists them", c.id, c.name)
	}
	return n, nil
}
