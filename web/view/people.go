package view

// People is the page on which administrators manage accounts. It counts cameras and names none.
type People struct {
	Shell  Shell
	Notice Notice
	People []Person
}

type Person struct {
	Name, Words string
	Admin, Self bool
}

// Removal asks before an account is removed.
type Removal struct {
	Shell    Shell
	Name     string
	Effects  []string
	Possible bool
}
