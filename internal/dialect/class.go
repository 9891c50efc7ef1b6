package dialect

// ClassID numbers a class: its index in [Classes].
type ClassID uint16

// The classes. Names, products and what Splunk gets of each are in classTable.
const (
	Fallback ClassID = iota

	UniFiDevice
	UniFiFirewall
	UniFiThreat
	UniFiLink
	UniFiDHCP
	UniFiDNS
	UniFiMCAD
	UniFiSudo
	UniFiHostapd
	UniFiWireless
	UniFiEdgeSwitch
	UniFiNetconsole
	UniFiCEF
	UniFiOSCEF
	UniFiProtectCEF

	PANTraffic
	PANThreat
	PANSystem
	PANConfig
	PANHIPMatch
	PANCorrelation
	PANUserID
	PANGlobalProtect
	PANDecryption
	PANAuth
	PANLog
	PANCEF
	PANLEEF
	PANJSON
	PANTraps
	PANXSOAR

	CiscoASA
	CiscoFTD
	CiscoPIX
	CiscoFWSM
	CiscoIOS
	CiscoFirepower

	LinuxSyslog
	LinuxSecure
	LinuxAudit

	WindowsXML
	WindowsSnare
	WindowsNXLogJSON
	WindowsCEF
	WindowsCEFApp
	WindowsCEFCAS
	WindowsCEFArcSight
	WindowsCEFOther
	WindowsSyslog

	classCount
)

// Class is a kind of message that Splunk keeps apart.
type Class struct {
	// ID is the index of the class in Classes.
	ID ClassID
	// Name is unique and in snake_case: the key of metadata.overrides and the
	// event field "class".
	Name string
	// VendorProduct is the event field "vendor_product".
	VendorProduct string
	// Vendor is the family: the name that New takes, or "" for the fallback.
	Vendor string
}

// Classes returns all classes; the index is the ClassID.
func Classes() []Class {
	all := make([]Class, classCount)
	for i := range classTable {
		row := &classTable[i]
		all[i] = Class{ID: ClassID(i), Name: row.name, VendorProduct: row.product, Vendor: row.vendor}
	}
	return all
}

// String returns the name of the class.
func (id ClassID) String() string {
	if id >= classCount {
		return "unknown"
	}
	return classTable[id].name
}

// names is what Splunk gets of a class: an empty index is the port's, an empty
// source the profile's usual one. A source that ends with ':' is completed by
// Result.Source.
type names struct {
	sourcetype, index, source string
}

// sc4sNames adds the fields by which Splunk Connect for Syslog says vendor,
// product and class; of CEF the message itself says all three.
type sc4sNames struct {
	names
	vendor, product, class string
}

// fromCEF stands where the CEF header of the message has the value.
const fromCEF = "<CEF>"

type classRow struct {
	name, product, vendor string
	standard              names     // profile default
	sc4s                  sc4sNames // profile sc4s
}

// The families, as New and the configuration key sources.*.vendor name them.
const (
	familyUniFi   = "unifi"
	familyPAN     = "palo_alto"
	familyCisco   = "cisco_asa"
	familyLinux   = "linux"
	familyWindows = "windows"
)

// Auto is the name of a port that all families send to.
const Auto = "auto"

// The values of vendor_product.
const (
	productUniFi    = "ubiquiti_unifi"
	productPAN      = "paloalto_panos"
	productASA      = "cisco_asa"
	productFTD      = "cisco_ftd"
	productLinux    = "linux_syslog"
	productWindows  = "microsoft_windows"
	productFallback = "unknown"
)

// firewallIndex is where firewall lines of a port with other lines go.
const firewallIndex = "firewall"
